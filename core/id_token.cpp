#include "core/id_token.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

#include <nlohmann/json.hpp>

#include "core/digit_values.h"
#include "core/json.h"
#include "core/text.h"

namespace nexakey::core {
namespace {

constexpr std::size_t kMaxDepth = 8;
constexpr std::size_t kMaxTextLength = 1024;

std::optional<unsigned> value_of_digit(char c) {
  const int value = c == '+' || c == '/' ? -1 : base64_value(c);  // of the other alphabet
  return value < 0 ? std::nullopt : std::optional(static_cast<unsigned>(value));
}

Result<Json> parse_part(std::string_view part, const char* what) {
  const auto text = decode_base64url(part);
  if (!text) {
    return reject(std::string("the ") + what + " of the ID token is not base64url");
  }
  auto json = parse_json(*text, kMaxDepth);
  if (!json || !json->is_object()) {
    return reject(std::string("the ") + what + " of the ID token is not a JSON object" +
                  (json ? "" : ": " + json.error().message));
  }
  return json;
}

/// A member that has to be a text of moderate length.
Result<std::string> text_of(const Json& json, const char* name) {
  const std::string* const text = find_text(json, name);
  if (text == nullptr) {
    return reject(std::string("the ID token has no text ") + name);
  }
  return !text->empty() && text->size() <= kMaxTextLength
             ? Result<std::string>(*text)
             : reject(std::string("the ") + name + " of the ID token is empty or too long");
}

/// NumericDate of RFC 7519, 2: seconds, which may have a fraction.
Result<Time> time_of(const Json& value, const char* name) {
  const auto last = static_cast<double>(kLastTime.time_since_epoch().count());
  const double milliseconds = value.is_number() ? std::floor(value.get<double>() * 1000) : -1;
  return milliseconds >= 0 && milliseconds <= last
             ? Result<Time>(
                   Time(std::chrono::milliseconds(static_cast<std::int64_t>(milliseconds))))
             : reject(std::string("the ") + name + " of the ID token is not a time");
}

Result<std::vector<std::string>> audiences_of(const Json& claims) {
  const auto found = claims.find("aud");
  std::vector<std::string> audiences;
  if (found != claims.end() && found->is_string()) {
    audiences.push_back(found->get<std::string>());
  } else if (found != claims.end() && found->is_array()) {
    for (const Json& audience : *found) {
      if (!audience.is_string()) {
        return reject("an audience of the ID token is not a text");
      }
      audiences.push_back(audience.get<std::string>());
    }
  }
  return audiences.empty() ? reject("the ID token has no audience")
                           : Result<std::vector<std::string>>(std::move(audiences));
}

std::map<std::string, std::string> texts_of(const Json& claims) {
  std::map<std::string, std::string> texts;
  for (const auto& [name, value] : claims.items()) {
    if (value.is_string()) {
      texts.emplace(name, value.get<std::string>());
    } else if (value.is_boolean() || value.is_number_integer()) {
      texts.emplace(name, value.dump());
    }
  }
  return texts;
}

Result<void> read_header(const Json& header, IdToken& token) {
  const auto algorithm = text_of(header, "alg");
  if (!algorithm) {
    return tl::unexpected(algorithm.error());
  }
  if (*algorithm != "RS256" && *algorithm != "ES256") {
    return reject("the ID token is signed with " + quote(*algorithm),
                  "RS256 and ES256 are accepted");
  }
  token.algorithm = *algorithm == "RS256" ? JwsAlgorithm::rs256 : JwsAlgorithm::es256;
  if (header.contains("crit")) {
    return reject("the ID token has critical extensions");
  }
  if (const auto type = header.find("typ"); type != header.end() && *type != "JWT") {
    return reject("the token is not an ID token: its typ is not JWT");
  }
  return text_of(header, "kid").map([&](std::string id) { token.key_id = std::move(id); });
}

Result<void> read_claims(const Json& claims, IdToken& token) {
  auto issuer = text_of(claims, "iss");
  auto subject = issuer ? text_of(claims, "sub") : issuer;
  auto audiences = subject ? audiences_of(claims) : tl::unexpected(subject.error());
  if (!audiences) {
    return tl::unexpected(audiences.error());
  }
  token.issuer = *std::move(issuer);
  token.subject = *std::move(subject);
  token.audiences = *std::move(audiences);
  if (!claims.contains("exp")) {
    return reject("the ID token has no exp");
  }
  auto expires_at = time_of(claims["exp"], "exp");
  if (!expires_at) {
    return tl::unexpected(expires_at.error());
  }
  token.expires_at = *expires_at;
  if (claims.contains("nbf")) {
    const auto not_before = time_of(claims["nbf"], "nbf");
    if (!not_before) {
      return tl::unexpected(not_before.error());
    }
    token.not_before = *not_before;
  }
  token.claims = texts_of(claims);
  return {};
}

}  // namespace

std::optional<std::string> decode_base64url(std::string_view text) {
  std::string bytes;
  std::uint32_t bits = 0;
  unsigned count = 0;
  for (const char c : text) {
    const auto digit = value_of_digit(c);
    if (!digit) {
      return std::nullopt;
    }
    bits = (bits << 6U) | *digit;
    count += 6;
    if (count >= 8) {
      count -= 8;
      bytes += static_cast<char>((bits >> count) & 0xFFU);
    }
  }
  // What is left of the last digit has to be zero, so that each text has one form.
  const bool is_whole = count < 6 && (bits & ((1U << count) - 1U)) == 0;
  return is_whole ? std::optional(std::move(bytes)) : std::nullopt;
}

bool looks_like_id_token(std::string_view text) {
  return text.size() <= kMaxIdTokenLength && std::ranges::count(text, '.') == 2 &&
         text.starts_with("ey") && std::ranges::all_of(text, [](char c) {
           return c == '.' || value_of_digit(c).has_value();
         });
}

Result<IdToken> parse_id_token(std::string_view text) {
  if (!looks_like_id_token(text)) {
    return reject("the token is not an ID token");
  }
  const std::vector<std::string_view> parts = split(text, '.');
  const auto header = parse_part(parts[0], "header");
  if (!header) {
    return tl::unexpected(header.error());
  }
  const auto claims = parse_part(parts[1], "text");
  if (!claims) {
    return tl::unexpected(claims.error());
  }
  auto signature = decode_base64url(parts[2]);
  if (!signature || signature->empty()) {
    return reject("the ID token has no signature");
  }
  IdToken token;
  if (auto read = read_header(*header, token).and_then([&] { return read_claims(*claims, token); });
      !read) {
    return tl::unexpected(std::move(read.error()));
  }
  token.signed_text = std::string(text.substr(0, parts[0].size() + 1 + parts[1].size()));
  token.signature = *std::move(signature);
  return token;
}

Result<void> check_id_token(const IdToken& token, const Trust& trust) {
  if (token.issuer != trust.issuer) {
    return fail(ErrorCode::forbidden, "the issuer " + quote(token.issuer) + " is not trusted");
  }
  if (std::ranges::find(token.audiences, trust.audience) == token.audiences.end()) {
    return fail(ErrorCode::forbidden,
                "the ID token is for the audience " + quote(join(token.audiences, ", ")));
  }
  for (const auto& [name, value] : trust.claims) {
    const auto claim = token.claims.find(name);
    if (claim == token.claims.end() || claim->second != value) {
      return fail(ErrorCode::forbidden,
                  claim == token.claims.end()
                      ? "the ID token has no claim " + quote(name)
                      : "the claim " + quote(name) + " of the ID token is " + quote(claim->second));
    }
  }
  return {};
}

Result<void> check_validity(const IdToken& token, Time now) {
  if (token.expires_at <= now) {
    return fail(ErrorCode::forbidden, "the ID token expired at " + format_time(token.expires_at));
  }
  if (token.not_before && *token.not_before > add(now, kMaxSkew)) {
    return fail(ErrorCode::forbidden,
                "the ID token is not valid before " + format_time(*token.not_before));
  }
  return {};
}

}  // namespace nexakey::core
