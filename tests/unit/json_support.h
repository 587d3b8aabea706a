#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "core/json.h"
#include "tests/unit/support.h"

namespace nexakey::core::test {

/// The time at which shapes are written.
inline const Time kNow = at("2026-06-01T12:00:00Z");

/// The text that `write` writes.
template <typename Write>
std::string written(Write write) {
  std::string text;
  JsonWriter json(text);
  write(json);
  return text;
}

/// The text that `write` writes, parsed.
template <typename Write>
Json as_json(Write write) {
  return value_of(parse_json(written(write)));
}

}  // namespace nexakey::core::test
