#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "core/id.h"
#include "core/time.h"
#include "store/key_store.h"

namespace nexakey::cli {

inline constexpr std::size_t kActivityDays = 14;

/// The requests of a key on each of the last days (UTC), today last. Ends the command if the store
/// fails.
using Activity = std::array<std::uint64_t, kActivityDays>;
Activity find_activity(store::KeyStore& store, core::KeyId key, core::Time now);

/// A character for each day; the highest one is for the day with the most requests.
std::string sparkline(const Activity& activity, bool draws_blocks);

}  // namespace nexakey::cli
