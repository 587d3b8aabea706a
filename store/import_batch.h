#pragma once

#include <vector>

#include "core/import.h"
#include "store/accepted_import.h"
#include "store/read_import.h"
#include "store/tables.h"

namespace nexakey::store {

/// What a batch of an import adds to a store, and changes in it.
struct ImportChanges {
  std::vector<core::Token> tokens;
  std::vector<core::Key> keys;
  std::vector<core::Key> used;  ///< known keys with a later last use
  std::vector<core::KeyUsage> usage;
};

/// Compares a batch of an import with the store, and adds the outcome and the conflicts to
/// `summary`. Audit entries are not compared.
ImportChanges compare(Tables& tables, const ImportBatch& batch, const AcceptedImport& import,
                      core::ImportSummary& summary);

}  // namespace nexakey::store
