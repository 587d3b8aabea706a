#pragma once

#include <cstdint>
#include <span>

namespace nexakey::store::postgres {

/// The entry with index n upgrades schema n to schema n + 1. A released entry is never changed.
extern const std::span<const char* const> kMigrations;
/// The version of the schema that this program writes.
inline std::int64_t newest_schema() { return static_cast<std::int64_t>(kMigrations.size()); }
/// Creates the functions of the newest schema, after its migrations.
extern const char* const kFunctions;

}  // namespace nexakey::store::postgres
