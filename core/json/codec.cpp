#include "core/json/codec.h"

#include "core/text.h"

namespace nexakey::core::shape {
namespace {

/// The value that `parse`, which returns an optional, returns for a string.
template <typename Parse>
auto read_parsed(const Json& value, std::string_view name, const Parse& parse,
                 std::string_view expected) {
  using Read = Result<typename std::invoke_result_t<Parse, const std::string&>::value_type>;
  return read_string(value, name).and_then([&](const std::string& text) -> Read {
    auto parsed = parse(text);
    return parsed ? Read(*std::move(parsed)) : wrong_type(name, expected);
  });
}

}  // namespace

tl::unexpected<Error> wrong_type(std::string_view name, std::string_view expected) {
  return reject("the member " + std::string(name) + " must be " + std::string(expected));
}

tl::unexpected<Error> wrong_value(std::string_view name, std::string_view value) {
  return reject("the member " + std::string(name) + " has an invalid value " + quote(value));
}

Result<std::string> read_string(const Json& value, std::string_view name) {
  return value.is_string() ? Result<std::string>(value.get_ref<const std::string&>())
                           : wrong_type(name, "a string");
}

Result<std::int64_t> read_integer(const Json& value, std::string_view name, std::int64_t min,
                                  std::int64_t max) {
  const bool fits = value.is_number_integer() &&
                    (!value.is_number_unsigned() || value.get<std::uint64_t>() <= INT64_MAX);
  const std::int64_t number = fits ? value.get<std::int64_t>() : 0;
  return fits && number >= min && number <= max
             ? Result<std::int64_t>(number)
             : wrong_type(name, "a whole number from " + std::to_string(min) + " to " +
                                    std::to_string(max));
}

Result<bool> Codec<bool>::read(const Json& value, std::string_view name) {
  return value.is_boolean() ? Result<bool>(value.get<bool>()) : wrong_type(name, "true or false");
}

Result<Time> Codec<Time>::read(const Json& value, std::string_view name) {
  return read_string(value, name).and_then([](const std::string& text) {
    return parse_time(text);
  });
}

Result<std::chrono::seconds> Codec<std::chrono::seconds>::read(const Json& value,
                                                               std::string_view name) {
  return read_integer(value, name, 0, kMaxDuration.count()).map([](std::int64_t count) {
    return std::chrono::seconds(count);
  });
}

Result<KeyId> Codec<KeyId>::read(const Json& value, std::string_view name) {
  return read_parsed(value, name, KeyId::parse, "a key id");
}

Result<TokenId> Codec<TokenId>::read(const Json& value, std::string_view name) {
  return read_parsed(value, name, TokenId::parse, "a token id");
}

Result<Sha256> Codec<Sha256>::read(const Json& value, std::string_view name) {
  return read_parsed(value, name, hash_from_hex, "a hash of 64 hexadecimal digits");
}

Result<IpAddress> Codec<IpAddress>::read(const Json& value, std::string_view name) {
  return read_parsed(value, name, IpAddress::parse, "an IPv4 or IPv6 address");
}

void Codec<Scopes>::write(JsonWriter& json, Scopes scopes) {
  json.begin_array();
  for (const Scope scope : kScopes) {
    if (scopes.has(scope)) {
      json.plain(name_of(scope));
    }
  }
  json.end_array();
}

Result<Scopes> Codec<Scopes>::read(const Json& value, std::string_view name) {
  return Codec<std::vector<std::string>>::read(value, name)
      .and_then([](const std::vector<std::string>& names) { return Scopes::parse(names); });
}

void Codec<Whitelist>::write(JsonWriter& json, const Whitelist& whitelist) {
  json.begin_array();
  for (const IpRange& range : whitelist.ranges()) {
    json.plain(range.to_string());
  }
  json.end_array();
}

Result<Whitelist> Codec<Whitelist>::read(const Json& value, std::string_view name) {
  return Codec<std::vector<std::string>>::read(value, name)
      .and_then([](const std::vector<std::string>& entries) { return Whitelist::parse(entries); });
}

void Codec<Labels>::write(JsonWriter& json, const Labels& labels) {
  json.begin_object();
  for (const auto& [name, value] : labels) {
    json.any_name(name).string(value);
  }
  json.end_object();
}

Result<Labels> Codec<Labels>::read(const Json& value, std::string_view name) {
  return read_unchecked(value, name).and_then([](Labels labels) {
    return check_labels(labels).map([&] { return std::move(labels); });
  });
}

Result<Labels> Codec<Labels>::read_unchecked(const Json& value, std::string_view name) {
  if (!value.is_object()) {
    return wrong_type(name, "an object");
  }
  Labels labels;
  for (const auto& [label, text] : value.items()) {
    if (!text.is_string()) {
      return reject("the label " + quote(label) + " must be a string");
    }
    labels[label] = text.get_ref<const std::string&>();
  }
  return labels;
}

void Codec<std::vector<std::string>>::write(JsonWriter& json,
                                            const std::vector<std::string>& texts) {
  json.begin_array();
  for (const std::string& text : texts) {
    json.string(text);
  }
  json.end_array();
}

Result<std::vector<std::string>> Codec<std::vector<std::string>>::read(const Json& value,
                                                                       std::string_view name) {
  if (!value.is_array()) {
    return wrong_type(name, "an array of strings");
  }
  std::vector<std::string> texts;
  for (const Json& element : value) {
    if (!element.is_string()) {
      return wrong_type(name, "an array of strings");
    }
    texts.push_back(element.get_ref<const std::string&>());
  }
  return texts;
}

}  // namespace nexakey::core::shape
