#pragma once

#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/audit.h"
#include "core/decision.h"
#include "core/key.h"
#include "core/rotation.h"
#include "core/token.h"

namespace nexakey::test {

/// The value of a result; throws if it is an error.
template <typename T>
T value_of(core::Result<T> result) {
  if (!result) {
    throw std::runtime_error(result.error().message);
  }
  if constexpr (!std::is_void_v<T>) {
    return *std::move(result);
  }
}

/// The outcome of a result: the name of its error, or "ok".
template <typename T>
std::string code_of(const core::Result<T>& result) {
  return std::string(result ? "ok" : core::name_of(result.error().code));
}

inline core::Time now() { return core::system_time(); }
/// What the longest duration reaches back to: 1970, because times begin there.
inline core::Time long_ago() { return core::add(now(), -core::kMaxDuration); }

inline core::Time at(std::string_view text) { return value_of(core::parse_time(text)); }
inline core::IpAddress ip(std::string_view text) { return core::IpAddress::parse(text).value(); }
inline core::Scopes scopes(const std::string& names) {
  return value_of(core::Scopes::parse({names}));
}
inline core::Whitelist whitelist(const std::vector<std::string>& entries) {
  return value_of(core::Whitelist::parse(entries));
}

/// The actor of changes in tests.
inline const core::Actor kTester{.name = "zoë", .source = "host"};

/// The text of the n-th key of the tests.
inline std::string api_key(std::uint64_t n) {
  const std::string digits = std::to_string(n);
  return std::string(core::kApiKeyPrefix) +
         std::string(core::kApiKeyRandomLength - digits.size(), '0') + digits;
}

/// The n-th key of the tests, which is always the same: each is a second newer than the one before,
/// and has all scopes. The ids are not in order.
inline core::Key make_key(std::uint64_t n) {
  core::Key key;
  key.id = core::KeyId(static_cast<std::int64_t>(n * 0x9E3779B97F4A7C15U >> 4U));
  key.scopes = scopes("read,write");
  key.hash = core::hash_api_key(api_key(n));
  key.last_four = core::last_four(api_key(n));
  key.name = "name-" + std::to_string(n);
  key.created_at = at("2026-01-02T03:04:05.678Z") + std::chrono::seconds(n);
  return key;
}

/// A rotation to the n-th key.
inline core::Rotation rotation_to(std::uint64_t n,
                                  std::chrono::seconds grace = std::chrono::seconds(0)) {
  const core::Key key = make_key(n);
  return {.successor = key.id,
          .hash = key.hash,
          .last_four = key.last_four,
          .created_at = now(),
          .grace = grace};
}

/// The n-th token of the tests, which is always the same: each is a second newer than the one
/// before. The ids are not in order.
inline core::Token make_token(std::uint64_t n) {
  core::Token token;
  token.id = core::TokenId(make_key(n).id.bits());
  token.name = "token-" + std::to_string(n);
  token.hash = core::hash_credential(token.name);
  token.last_four = "000" + std::to_string(n);
  token.created_at = make_key(n).created_at;
  return token;
}

/// A request with the n-th key.
inline core::Request request(std::uint64_t n, std::string method = "GET", std::string path = "/") {
  core::Request request;
  core::set_credential(request, api_key(n));
  request.method = std::move(method);
  request.path = std::move(path);
  return request;
}

}  // namespace nexakey::test
