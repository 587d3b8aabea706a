#pragma once

#include <span>

namespace nexakey::store::postgres {

/// The n-th entry makes schema n + 1 of schema n. An entry that was released is never changed.
extern const std::span<const char* const> kMigrations;

}  // namespace nexakey::store::postgres
