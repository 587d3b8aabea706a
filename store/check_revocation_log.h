#pragma once

#include <filesystem>

#include "store/health.h"
#include "store/tables.h"

namespace nexakey::store {

/// Checks the revocation log at `path`, if the store has one, and whether the store is older. Reads
/// the whole log, and changes nothing.
void check_revocation_log(Tables& tables, const std::filesystem::path& path,
                          const FindingVisitor& visit);

}  // namespace nexakey::store
