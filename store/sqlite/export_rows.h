#pragma once

#include <functional>
#include <optional>
#include <string>

#include "core/record.h"
#include "store/sqlite/database.h"

namespace nexakey::store::sqlite {

/// KeyStore::export_records, within a read transaction and with the counts as the tables have them.
void export_rows(Database& database, const std::optional<std::string>& workspace,
                 const std::function<bool(const core::Record&)>& visit);

}  // namespace nexakey::store::sqlite
