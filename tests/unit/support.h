#pragma once

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/key.h"
#include "core/sliding_window.h"
#include "tests/support/random.h"

namespace nexakey::core::test {

using nexakey::test::below;

inline constexpr std::string_view kSomeApiKey = "fc_live_0123456789ABCDEFGHIJKLMNOPQR";

/// The value of a result; throws if it is an error.
template <typename T>
T value_of(Result<T> result) {
  if (!result) {
    throw std::logic_error(result.error().message);
  }
  return *std::move(result);
}

inline Time at(std::string_view text) { return value_of(parse_time(text)); }

inline IpAddress ip(std::string_view text) { return IpAddress::parse(text).value(); }

inline Whitelist whitelist(const std::vector<std::string>& entries) {
  return value_of(Whitelist::parse(entries));
}

inline Scopes scopes(const std::string& names) { return value_of(Scopes::parse({names})); }

inline KeyId id(std::string_view text) { return KeyId::parse(text).value(); }

/// Asks a window, and occupies it if it has room.
inline Room admit(SlidingWindow window, std::uint32_t limit, Tick now) {
  Room room = window.look(limit, now);
  if (room.has_room) {
    window.add(now);
    --room.remaining;
  }
  return room;
}

inline Key some_key() {
  Key key;
  key.id = id("key_0123456789ab");
  key.scopes = scopes("read");
  key.hash = hash_api_key(kSomeApiKey);
  key.last_four = "OPQR";
  key.name = "crm";
  key.created_at = at("2026-01-02T03:04:05.678Z");
  return key;
}

}  // namespace nexakey::core::test
