#pragma once

#include "core/json/shape.h"
#include "core/trust.h"

/// A trust in JSON: `{"issuer": …, "audience": …, "claims": {"sub": …}}`.
namespace nexakey::core::shape {

/// The claims of a trust, which are checked with it.
struct Claims {
  static TypeSchema schema() { return {.type = "object"}; }
  static void write(JsonWriter& json, const std::map<std::string, std::string>& claims) {
    Codec<Labels>::write(json, claims);
  }
  static Result<std::map<std::string, std::string>> read(const Json& value, std::string_view name) {
    return Codec<Labels>::read_unchecked(value, name);
  }
};

inline constexpr auto kTrustMembers =
    std::make_tuple(member<Trust>("issuer", &Trust::issuer, Presence::required),
                    member<Trust>("audience", &Trust::audience, Presence::required),
                    member_as<Claims>("claims", &Trust::claims, Presence::required));

template <>
struct Codec<Trust> : Object<Trust, kTrustMembers, Unknown::refused> {};

}  // namespace nexakey::core::shape
