#include "server/http.h"

#include <algorithm>

#include "core/text.h"

namespace nexakey::server {
namespace {

std::string_view phrase_of(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 204:
      return "No Content";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 409:
      return "Conflict";
    case 413:
      return "Content Too Large";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Error";
  }
}

}  // namespace

bool is_same_name(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, core::to_lower, core::to_lower);
}

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  return first == std::string_view::npos
             ? std::string_view()
             : text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::string_view RequestHead::path() const {
  return std::string_view(target).substr(0, target.find('?'));
}

std::string_view RequestHead::query() const {
  const std::size_t question = target.find('?');
  return question == std::string::npos ? std::string_view()
                                       : std::string_view(target).substr(question + 1);
}

std::vector<std::string_view> RequestHead::values(std::string_view name) const {
  std::vector<std::string_view> values;
  for (const auto& [header, value] : headers) {
    if (is_same_name(header, name)) {
      values.emplace_back(value);
    }
  }
  return values;
}

std::optional<std::string_view> RequestHead::only_value(std::string_view name) const {
  const auto found = values(name);
  return found.size() == 1 ? std::optional(found.front()) : std::nullopt;
}

std::uint64_t HttpResponse::body_size() const {
  return file ? file->size() : static_body.empty() ? body.size() : static_body.size();
}

void append_head(std::string& out, const HttpResponse& response, std::string_view date,
                 Persistence persistence) {
  out += "HTTP/1.1 " + std::to_string(response.status) + " ";
  out += phrase_of(response.status);
  out += "\r\nDate: ";
  out += date;
  if (response.status != 204) {
    out += "\r\nContent-Length: " + std::to_string(response.body_size());
  }
  for (const auto& [name, value] : response.headers) {
    out += "\r\n";
    out += name;
    out += ": ";
    out += value;
  }
  switch (persistence) {
    case Persistence::keep_alive:
      break;
    case Persistence::confirmed_keep_alive:
      out += "\r\nConnection: keep-alive";
      break;
    case Persistence::close:
      out += "\r\nConnection: close";
      break;
  }
  out += "\r\n\r\n";
}

}  // namespace nexakey::server
