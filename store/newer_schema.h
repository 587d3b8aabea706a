#pragma once

#include <cstdint>
#include <string>

#include "core/error.h"

namespace nexakey::store {

/// What to do about a store that a newer program has upgraded.
inline constexpr const char* kInstallNewer =
    "install that version, and restart the services that use the store";

/// The error of a program that knows the schema `known` and has found the newer one `found` in the
/// store `name`.
inline core::Error newer_schema(const std::string& name, const std::string& found,
                                std::int64_t known) {
  return {core::ErrorCode::store_unavailable,
          name + " was written by a newer nexakey (schema " + found + ", this one knows " +
              std::to_string(known) + ")",
          kInstallNewer};
}

}  // namespace nexakey::store
