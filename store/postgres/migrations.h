#pragma once

#include <span>

namespace nexakey::store::postgres {

/// The entry with index n upgrades schema n to schema n + 1. A released entry is never changed.
extern const std::span<const char* const> kMigrations;

}  // namespace nexakey::store::postgres
