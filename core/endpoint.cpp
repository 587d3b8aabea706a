#include "core/endpoint.h"

#include <algorithm>

#include "core/api_key.h"
#include "core/text.h"

namespace nexakey::core {
namespace {

constexpr std::string_view kIdentifier = "{id}";
constexpr std::size_t kMinTokenLength = 16;

bool is_hex_letter(char c) { return (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_hex(char c) { return is_digit(c) || is_hex_letter(c); }

bool is_uuid(std::string_view segment) {
  if (segment.size() != 36) {
    return false;
  }
  for (std::size_t i = 0; i < segment.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? segment[i] != '-' : !is_hex(segment[i])) {
      return false;
    }
  }
  return true;
}

bool is_long_token(std::string_view segment) {
  if (segment.size() < kMinTokenLength || !std::ranges::all_of(segment, [](char c) {
        return is_alphanumeric(c) || c == '_' || c == '-';
      })) {
    return false;
  }
  return std::ranges::all_of(segment, is_hex) ||
         (std::ranges::any_of(segment, is_digit) && std::ranges::any_of(segment, is_letter));
}

bool is_identifier(std::string_view segment) {
  return !segment.empty() && (std::ranges::all_of(segment, is_digit) || is_uuid(segment) ||
                              is_long_token(segment) || contains_credential(segment));
}

bool is_token_character(char c) {
  return is_alphanumeric(c) ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

}  // namespace

Result<void> check_method(std::string_view method) {
  if (method.empty() || method.size() > kMaxMethodLength ||
      !std::ranges::all_of(method, is_token_character)) {
    return reject(quote(method) + " is not an HTTP method");
  }
  return {};
}

Result<void> check_path(std::string_view path) {
  if (!path.starts_with('/')) {
    return reject("the path " + quote(path) + " does not begin with /");
  }
  if (path.size() > kMaxPathLength) {
    return reject("the path is longer than " + std::to_string(kMaxPathLength) + " bytes");
  }
  if (!std::ranges::all_of(path, [](char c) { return c > ' ' && c < '\x7F'; })) {
    return reject("the path " + quote(path) + " has characters that are not allowed in a URL",
                  "percent-encode them");
  }
  return {};
}

std::string endpoint_of(std::string_view method, std::string_view path) {
  path = path.substr(0, path.find_first_of("?#"));
  std::string endpoint(method);
  endpoint += ' ';
  while (!path.empty()) {
    endpoint += '/';
    path.remove_prefix(1);
    const std::string_view segment = path.substr(0, path.find('/'));
    endpoint += is_identifier(segment) ? kIdentifier : segment;
    path.remove_prefix(segment.size());
    if (endpoint.size() > kMaxEndpointLength) {
      return std::string(kOtherEndpoints);
    }
  }
  return endpoint;
}

}  // namespace nexakey::core
