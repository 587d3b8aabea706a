#pragma once

#include <functional>
#include <optional>
#include <string>

#include "core/record.h"
#include "store/postgres/connection.h"

namespace nexakey::store::postgres {

/// KeyStore::export_records, within a view of the connection.
void export_rows(Connection& connection, const std::optional<std::string>& workspace,
                 const std::function<bool(const core::Record&)>& visit);

}  // namespace nexakey::store::postgres
