#include "server/denial.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "core/json_writer.h"

namespace nexakey::server {
namespace {

struct Denial {
  int status;
  std::string_view code;
  std::string_view message;
  std::string_view hint;
};

/// docs/gateways/nginx.conf has the same texts, because nginx drops the bodies of auth_request.
constexpr std::array kDenials{
    Denial{401, "unauthorized", "the request has no valid API key",
           "send the key as Authorization: Bearer"},
    Denial{403, "forbidden", "the API key does not allow this request",
           "check the scopes and the whitelist of the key"},
    Denial{429, "rate_limited", "the API key has reached its rate limit",
           "wait for the number of seconds in Retry-After"},
    Denial{503, "store_unavailable", "the API key cannot be checked", "try again later"},
};

}  // namespace

std::string denial_body(int status) {
  const auto* const found = std::ranges::find(kDenials, status, &Denial::status);
  const Denial& denial = found == kDenials.end() ? kDenials.back() : *found;
  std::string body;
  core::JsonWriter json(body);
  json.begin_object().name("status").number(denial.status);
  json.name("title").plain(denial.message);
  json.name("error").begin_object();
  json.name("code").plain(denial.code);
  json.name("message").plain(denial.message);
  json.name("hint").plain(denial.hint);
  json.end_object().end_object();
  body += '\n';
  return body;
}

}  // namespace nexakey::server
