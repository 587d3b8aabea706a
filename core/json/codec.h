#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "core/json.h"
#include "core/json/schema.h"
#include "core/text.h"

/// The codecs between C++ types and JSON. A codec has
///
///     static TypeSchema schema();                       what /openapi.json says of it
///     static void write(JsonWriter&, const T&);
///     static Result<T> read(const Json&, std::string_view name);
///
/// and one whose JSON has a bounded length also
///
///     static constexpr std::size_t kMaxLength;
///     static char* put(char* at, const T&);             writes the same (core/put.h)
///
/// `read` checks type and range; `name` is the name of the member for messages. If the schema is
/// nullable, `read` is not called for null, unless the codec has `kReadsNull`.
namespace nexakey::core::shape {

/// A `usage` error: the member does not have the expected type, such as "a string".
tl::unexpected<Error> wrong_type(std::string_view name, std::string_view expected);

/// A `usage` error: the member has a value that is not one of an enumeration.
tl::unexpected<Error> wrong_value(std::string_view name, std::string_view value);

/// The string in `value`.
Result<std::string> read_string(const Json& value, std::string_view name);
/// The whole number in `value`, from `min` to `max`.
Result<std::int64_t> read_integer(const Json& value, std::string_view name, std::int64_t min,
                                  std::int64_t max);

inline constexpr std::string_view kKeyIdPattern = "^key_[0-9a-hjkmnp-tv-z]{12}$";
inline constexpr std::string_view kTokenIdPattern = "^tok_[0-9a-hjkmnp-tv-z]{12}$";

/// The default codec of a type.
template <typename T>
struct Codec;

template <>
struct Codec<std::string> {
  static TypeSchema schema() { return {.type = "string"}; }
  static void write(JsonWriter& json, const std::string& text) { json.string(text); }
  static Result<std::string> read(const Json& value, std::string_view name) {
    return read_string(value, name);
  }
};

/// Text; null if it is empty.
struct OptionalText {
  static TypeSchema schema() { return {.type = "string", .is_nullable = true}; }
  static void write(JsonWriter& json, const std::string& text) {
    text.empty() ? json.null() : json.string(text);
  }
  static void write(JsonWriter& json, const std::optional<std::string>& text) {
    write(json, text ? *text : std::string());
  }
  static Result<std::string> read(const Json& value, std::string_view name) {
    return read_string(value, name);
  }
};

/// Text of another program that is shown to users: characters that are not printable are replaced.
template <typename C>
struct Shown : C {
  static Result<std::string> read(const Json& value, std::string_view name) {
    return read_string(value, name).map([](const std::string& text) { return printable(text); });
  }
};

template <>
struct Codec<bool> {
  static TypeSchema schema() { return {.type = "boolean"}; }
  static void write(JsonWriter& json, bool value) { json.boolean(value); }
  static Result<bool> read(const Json& value, std::string_view name);
};

/// A whole number from `kMin` to `kMax`.
template <typename T, std::int64_t kMin, std::int64_t kMax>
struct Integer {
  static TypeSchema schema() { return {.type = "integer", .minimum = kMin, .maximum = kMax}; }
  static void write(JsonWriter& json, T value) { json.number(value); }
  static constexpr std::size_t kMaxLength = kMaxNumberLength;
  static char* put(char* at, T value) { return core::put(at, value); }
  static Result<T> read(const Json& value, std::string_view name) {
    return read_integer(value, name, kMin, kMax).map([](std::int64_t number) {
      return static_cast<T>(number);
    });
  }
};

template <>
struct Codec<std::uint64_t> : Integer<std::uint64_t, 0, std::int64_t{kMaxCount}> {};
using RateLimitCodec = Integer<std::uint32_t, 1, kMaxRateLimit>;

/// Written only, with at most six decimal places.
struct Real {
  static TypeSchema schema() { return {.type = "number"}; }
  static void write(JsonWriter& json, double value) { json.real(value); }
};

template <>
struct Codec<Time> {
  static TypeSchema schema() { return {.type = "string", .format = "date-time"}; }
  static void write(JsonWriter& json, Time time) {
    json.put(kMaxLength, [&](char* at) { return put(at, time); });
  }
  static constexpr std::size_t kMaxLength = kTimeLength + 2;
  static char* put(char* at, Time time) {
    return core::put(put_time(core::put(at, '"'), time), '"');
  }
  static Result<Time> read(const Json& value, std::string_view name);
};

template <>
struct Codec<std::chrono::seconds> {
  static TypeSchema schema() {
    return {.type = "integer", .minimum = 0, .maximum = kMaxDuration.count()};
  }
  static void write(JsonWriter& json, std::chrono::seconds value) { json.number(value.count()); }
  static Result<std::chrono::seconds> read(const Json& value, std::string_view name);
};

template <>
struct Codec<KeyId> {
  static TypeSchema schema() { return {.type = "string", .pattern = kKeyIdPattern}; }
  static void write(JsonWriter& json, KeyId id) {
    json.plain([&](std::string& out) { id.append_to(out); });
  }
  static Result<KeyId> read(const Json& value, std::string_view name);
};

template <>
struct Codec<TokenId> {
  static TypeSchema schema() { return {.type = "string", .pattern = kTokenIdPattern}; }
  static void write(JsonWriter& json, TokenId id) {
    json.plain([&](std::string& out) { id.append_to(out); });
  }
  static Result<TokenId> read(const Json& value, std::string_view name);
};

template <>
struct Codec<Sha256> {
  static TypeSchema schema() { return {.type = "string", .pattern = "^[0-9a-f]{64}$"}; }
  static void write(JsonWriter& json, const Sha256& hash) { json.plain(to_hex(hash)); }
  static Result<Sha256> read(const Json& value, std::string_view name);
};

template <>
struct Codec<IpAddress> {
  static TypeSchema schema() { return {.type = "string"}; }
  static void write(JsonWriter& json, const IpAddress& address) {
    json.string(address.to_string());
  }
  static Result<IpAddress> read(const Json& value, std::string_view name);
};

template <>
struct Codec<Scopes> {
  static TypeSchema schema() { return {.type = "array"}; }
  static void write(JsonWriter& json, Scopes scopes);
  static Result<Scopes> read(const Json& value, std::string_view name);
};

/// Scopes that may be empty, as those of a damaged key.
struct AnyScopes : Codec<Scopes> {
  static Result<Scopes> read(const Json& value, std::string_view name) {
    return value == Json::array() ? Result<Scopes>(Scopes()) : Codec<Scopes>::read(value, name);
  }
};

template <>
struct Codec<Whitelist> {
  static TypeSchema schema() { return {.type = "array"}; }
  static void write(JsonWriter& json, const Whitelist& whitelist);
  static Result<Whitelist> read(const Json& value, std::string_view name);
};

template <>
struct Codec<Labels> {
  static TypeSchema schema() { return {.type = "object"}; }
  static void write(JsonWriter& json, const Labels& labels);
  static Result<Labels> read(const Json& value, std::string_view name);
  /// Reads labels of a store, without checking names and values.
  static Result<Labels> read_unchecked(const Json& value, std::string_view name);
};

template <>
struct Codec<std::vector<std::string>> {
  static TypeSchema schema() { return {.type = "array"}; }
  static void write(JsonWriter& json, const std::vector<std::string>& texts);
  static Result<std::vector<std::string>> read(const Json& value, std::string_view name);
};

/// The prefix and the end of a secret: `fc_live_…wxyz`.
template <const CredentialForm& kForm>
struct Hint {
  static TypeSchema schema() { return {.type = "string"}; }
  static void write(JsonWriter& json, const std::string& last_four) {
    static const std::string shown = std::string(kForm.prefix) + "…";
    json.string(shown, last_four);
  }
  static Result<std::string> read(const Json& value, std::string_view name) {
    return read_string(value, name).and_then([](const std::string& hint) {
      std::string end = hint.substr(hint.size() - std::min<std::size_t>(hint.size(), 4));
      return check_last_four(end).map([&] { return std::move(end); });
    });
  }
};

/// A value of an enumeration by its name. `kParse` returns the value for a name, or nothing.
template <typename T, std::optional<T> (*kParse)(std::string_view)>
struct Named {
  static TypeSchema schema() { return {.type = "string"}; }
  static void write(JsonWriter& json, T value) { json.plain(name_of(value)); }
  static Result<T> read(const Json& value, std::string_view name) {
    return read_string(value, name).and_then([&](const std::string& text) -> Result<T> {
      const std::optional<T> parsed = kParse(text);
      return parsed ? Result<T>(*parsed) : wrong_value(name, text);
    });
  }
};

/// A value that is null if it is absent.
template <typename T, typename C = Codec<T>>
struct Optional {
  static TypeSchema schema() {
    TypeSchema schema = C::schema();
    schema.is_nullable = true;
    return schema;
  }
  static void write(JsonWriter& json, const std::optional<T>& value) {
    if (value) {
      C::write(json, *value);
    } else {
      json.null();
    }
  }
  static Result<std::optional<T>> read(const Json& value, std::string_view name) {
    return C::read(value, name).map([](T read) { return std::optional<T>(std::move(read)); });
  }
};
template <typename T>
struct Codec<std::optional<T>> : Optional<T> {};

/// A value that is left out if it is absent, and never null.
template <typename T, typename C = Codec<T>>
struct Settable {
  static TypeSchema schema() { return C::schema(); }
  static void write(JsonWriter& json, const std::optional<T>& value) { C::write(json, *value); }
  static Result<std::optional<T>> read(const Json& value, std::string_view name) {
    return C::read(value, name).map([](T read) { return std::optional<T>(std::move(read)); });
  }
};

/// A member that may be absent, or null with another meaning.
template <typename T>
struct Codec<std::optional<std::optional<T>>> {
  static constexpr bool kReadsNull = true;
  static TypeSchema schema() { return Codec<std::optional<T>>::schema(); }
  static void write(JsonWriter& json, const std::optional<std::optional<T>>& value) {
    Codec<std::optional<T>>::write(json, value.value_or(std::nullopt));
  }
  static Result<std::optional<std::optional<T>>> read(const Json& value, std::string_view name) {
    using Read = std::optional<std::optional<T>>;
    return value.is_null() ? Result<Read>(Read(std::optional<T>()))
                           : Codec<T>::read(value, name).map([](T read) {
                               return Read(std::optional<T>(std::move(read)));
                             });
  }
};

}  // namespace nexakey::core::shape
