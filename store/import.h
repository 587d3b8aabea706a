#pragma once

#include <chrono>
#include <cstdint>

#include "core/import.h"
#include "store/engine.h"

namespace nexakey::store {

/// How long a part of an import waits for the others before it is deleted.
inline constexpr std::chrono::hours kMaxImportAge{24};

/// Implements Changes::commit_import for `actor`, in a store that keeps hours for `kept`.
Result<core::ImportSummary> commit_import(Engine& engine, core::ImportId id, std::uint32_t parts,
                                          const core::ImportOptions& options,
                                          std::chrono::hours kept, const core::Actor& actor,
                                          core::Time now);

}  // namespace nexakey::store
