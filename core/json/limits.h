#pragma once

#include "core/json/shape.h"
#include "core/limits.h"

/// Limits in JSON: `{"window": "1s", "requests": 20}`.
namespace nexakey::core::shape {

template <>
struct Codec<Window> {
  static TypeSchema schema() { return {.type = "string"}; }
  static void write(JsonWriter& json, Window window) {
    json.put(kMaxLength, [&](char* at) { return put(at, window); });
  }
  static constexpr std::size_t kMaxLength = kMaxWindowLength + 2;
  static char* put(char* at, Window window) {
    return core::put(put_text(core::put(at, '"'), window), '"');
  }
  static Result<Window> read(const Json& value, std::string_view name) {
    return read_string(value, name).and_then([](const std::string& text) {
      return parse_window(text);
    });
  }
};

using RequestsCodec = Integer<std::uint64_t, 1, std::int64_t{kMaxQuota}>;

inline constexpr auto kLimitMembers =
    std::make_tuple(member<Limit>("window", &Limit::window, Presence::required),
                    member_as<RequestsCodec>("requests", &Limit::requests, Presence::required));

/// A number of requests; null removes the limit.
struct ChangedRequests : Optional<std::uint64_t, RequestsCodec> {
  static constexpr bool kReadsNull = true;
  static Result<std::optional<std::uint64_t>> read(const Json& value, std::string_view name) {
    return value.is_null() ? Result<std::optional<std::uint64_t>>(std::nullopt)
                           : Optional::read(value, name);
  }
};

inline constexpr auto kLimitChangeMembers = std::make_tuple(
    member<LimitChange>("window", &LimitChange::window, Presence::required),
    member_as<ChangedRequests>("requests", &LimitChange::requests, Presence::required));

template <>
struct Codec<std::vector<LimitChange>>
    : List<LimitChange, Object<LimitChange, kLimitChangeMembers, Unknown::refused>> {};

template <>
struct Codec<Limits> {
  using Array = List<Limit, FlatObject<Limit, kLimitMembers>>;

  static TypeSchema schema() { return Array::schema(); }
  static void write(JsonWriter& json, const Limits& limits) { Array::write(json, limits.list()); }
  static Result<Limits> read(const Json& value, std::string_view name) {
    return Array::read(value, name).and_then([](const std::vector<Limit>& list) -> Result<Limits> {
      Limits limits;
      for (const Limit& limit : list) {
        const auto applied = limits.apply({.window = limit.window, .requests = limit.requests});
        if (!applied) {
          return tl::unexpected(applied.error());
        }
      }
      return limits;
    });
  }
};

}  // namespace nexakey::core::shape
