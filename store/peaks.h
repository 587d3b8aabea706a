#pragma once

#include "core/peaks.h"
#include "store/engine.h"

namespace nexakey::store {

/// Implements KeyStore::peaks. The keys of a workspace are read in pages, each with the highest
/// peaks of its keys, so that memory and transactions are bounded.
Result<core::PeakReport> report_peaks(Engine& engine, const core::PeakQuery& query, core::Time now);

}  // namespace nexakey::store
