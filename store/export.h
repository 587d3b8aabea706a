#pragma once

#include <functional>
#include <optional>
#include <string>

#include "store/key_store.h"
#include "store/tables.h"

namespace nexakey::store {

/// KeyStore::export_records, of tables as they are at one moment. A key with damage that is not
/// revoked is an error (`store_unavailable`): an export without what it was would open it.
Result<void> export_tables(Tables& tables, const std::optional<std::string>& workspace,
                           const std::function<bool(const core::Record&)>& visit);

}  // namespace nexakey::store
