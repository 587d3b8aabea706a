#pragma once

#include <filesystem>
#include <string>

#include "core/error.h"
#include "core/time.h"
#include "store/health.h"

namespace nexakey::store::postgres {

/// Implements store::check for a store in PostgreSQL: checks the server and its settings, the
/// schema, and whether each key can be read.
core::Result<void> check_store(const std::string& rest, core::Time now,
                               const std::filesystem::path& revocation_log,
                               const FindingVisitor& visit);

}  // namespace nexakey::store::postgres
