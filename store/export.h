#pragma once

#include <functional>
#include <optional>
#include <string>

#include "store/key_store.h"
#include "store/tables.h"

namespace nexakey::store {

/// Implements KeyStore::export_records on a snapshot of the tables. Error: `store_unavailable`, if
/// a damaged key or token is not revoked: the imported one could have more rights.
Result<void> export_tables(Tables& tables, const std::optional<std::string>& workspace,
                           const std::function<bool(const core::Record&)>& visit);

}  // namespace nexakey::store
