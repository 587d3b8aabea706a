#include "server/message_rules.h"

#include <algorithm>
#include <charconv>
#include <vector>

#include "core/text.h"

namespace nexakey::server {
namespace {

namespace http = boost::beast::http;

using Message = http::request_header<http::fields>;
constexpr unsigned kHttp11 = 11;

std::string_view view(boost::beast::string_view text) { return {text.data(), text.size()}; }

bool is_hex(char c) {
  const char lower = core::to_lower(c);
  return core::is_digit(c) || (lower >= 'a' && lower <= 'f');
}

/// The characters of reg-name (RFC 3986, 3.2.2); those of pct-encoded are not checked together.
bool is_name_character(char c) {
  return core::is_alphanumeric(c) ||
         std::string_view("-._~!$&'()*+,;=%").find(c) != std::string_view::npos;
}

/// Whether `text` is uri-host [ ":" port ] (RFC 9110, 7.2); it may be empty, but has no userinfo.
bool is_host(std::string_view text) {
  std::size_t end = 0;
  if (text.starts_with('[')) {
    end = text.find(']');
    if (end == std::string_view::npos || !std::ranges::all_of(text.substr(1, end - 1), [](char c) {
          return is_hex(c) || c == ':' || c == '.';
        })) {
      return false;
    }
    ++end;
  } else {
    end = std::min(text.find(':'), text.size());
    if (!std::ranges::all_of(text.substr(0, end), is_name_character)) {
      return false;
    }
  }
  const std::string_view port = text.substr(end);
  return port.empty() ||
         (port.front() == ':' && std::ranges::all_of(port.substr(1), core::is_digit));
}

/// The elements of a list in all headers with a name, without empty ones (RFC 9110, 5.6.1).
std::vector<std::string_view> list_of(const RequestHead& head, std::string_view name) {
  std::vector<std::string_view> elements;
  for (const std::string_view value : head.values(name)) {
    for (const std::string_view part : core::split(value, ',')) {
      if (const std::string_view element = trim(part); !element.empty()) {
        elements.push_back(element);
      }
    }
  }
  return elements;
}

bool has_element(const std::vector<std::string_view>& list, std::string_view wanted) {
  return std::ranges::any_of(list, [&](std::string_view one) { return is_same_name(one, wanted); });
}

bool is_host_valid(const RequestHead& head, unsigned version) {
  const auto hosts = head.values("Host");
  const bool is_needed = version >= kHttp11;
  return hosts.size() <= 1 && (!is_needed || hosts.size() == 1) &&
         std::ranges::all_of(hosts, is_host);
}

/// Replaces an absolute target by its path and query, and Host by its authority, as section 3.2.2
/// requires. False if the target has none of the forms of section 3.2.
bool normalize_target(RequestHead& head) {
  std::string& target = head.target;
  if (target.find('#') != std::string::npos) {
    return false;
  }
  if (target.starts_with('/') || (target == "*" && head.method == "OPTIONS") ||
      (head.method == "CONNECT" && is_host(target))) {
    return true;
  }
  const std::size_t scheme = target.find("://");
  const std::string_view name = std::string_view(target).substr(0, std::min(scheme, target.size()));
  if (scheme == std::string::npos || !(is_same_name(name, "http") || is_same_name(name, "https"))) {
    return false;
  }
  const std::size_t begin = scheme + 3;
  const std::size_t end = std::min(target.find_first_of("/?", begin), target.size());
  std::string authority = target.substr(begin, end - begin);
  if (authority.empty() || authority.starts_with(':') || !is_host(authority)) {
    return false;
  }
  target.erase(0, end);
  if (!target.starts_with('/')) {
    target.insert(0, "/");
  }
  for (auto& [header, value] : head.headers) {
    if (is_same_name(header, "Host")) {
      value = authority;
    }
  }
  return true;
}

struct Framing {
  int status = 0;  ///< of the refusal
  std::optional<std::uint64_t> body_size{};
};

/// The length of a body (6.3). A message with both headers, or with an invalid Transfer-Encoding,
/// may be an attempt to smuggle a second request past a proxy.
Framing read_framing(const RequestHead& head, unsigned version) {
  const auto lengths = head.values("Content-Length");
  const auto codings = list_of(head, "Transfer-Encoding");
  if (!head.values("Transfer-Encoding").empty()) {
    if (!lengths.empty() || version < kHttp11 || codings.empty() ||
        !is_same_name(codings.back(), "chunked")) {
      return {.status = 400};
    }
    const auto others = std::vector(codings.begin(), codings.end() - 1);
    return {.status = others.empty() ? 0 : has_element(others, "chunked") ? 400 : 501};
  }
  if (lengths.empty()) {
    return {.body_size = 0};
  }
  const std::string_view digits = lengths.front();
  std::uint64_t size = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), size);
  if (lengths.size() != 1 || error != std::errc() || end != digits.data() + digits.size()) {
    return {.status = 400};
  }
  return {.body_size = size};
}

Persistence read_persistence(const RequestHead& head, unsigned version) {
  const auto options = list_of(head, "Connection");
  if (has_element(options, "close")) {
    return Persistence::close;
  }
  if (version >= kHttp11) {
    return Persistence::keep_alive;
  }
  return has_element(options, "keep-alive") ? Persistence::confirmed_keep_alive
                                            : Persistence::close;
}

}  // namespace

void remove_empty_lines(std::string& bytes) {
  std::size_t end = 0;
  while (bytes.compare(end, 2, "\r\n") == 0) {
    end += 2;
  }
  bytes.erase(0, end);
}

int check_version(std::string& bytes) {
  constexpr std::string_view kName = " HTTP/";
  constexpr std::size_t kLength = kName.size() + 3;
  const std::size_t end = bytes.find("\r\n");
  if (end < kLength || bytes.compare(end - kLength, kName.size(), kName) != 0) {
    return 0;  // no version: the parser refuses this line
  }
  const char major = bytes[end - 3];
  char& minor = bytes[end - 1];
  if (bytes[end - 2] != '.' || !core::is_digit(major) || !core::is_digit(minor)) {
    return 0;
  }
  if (major == '1' && minor > '1') {
    minor = '1';
  }
  return major == '1' ? 0 : 505;
}

bool has_folded_line(std::string_view head) {
  return head.find("\r\n ") != std::string_view::npos ||
         head.find("\r\n\t") != std::string_view::npos;
}

tl::expected<ReadHead, int> interpret_head(const Message& message) {
  ReadHead read;
  read.head.method = view(message.method_string());
  read.head.target = view(message.target());
  for (const auto& field : message) {
    read.head.headers.emplace_back(view(field.name_string()), view(field.value()));
  }
  const unsigned version = message.version();
  if (!is_host_valid(read.head, version) || !normalize_target(read.head)) {
    return tl::unexpected(400);
  }
  const Framing framing = read_framing(read.head, version);
  if (framing.status != 0) {
    return tl::unexpected(framing.status);
  }
  read.body_size = framing.body_size;
  read.persistence = read_persistence(read.head, version);
  read.expects_continue = version >= kHttp11 && read.body_size != 0 &&
                          has_element(list_of(read.head, "Expect"), "100-continue");
  return read;
}

}  // namespace nexakey::server
