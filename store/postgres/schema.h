#pragma once

#include "store/access.h"
#include "store/postgres/connection.h"

namespace nexakey::store::postgres {

/// The schema of the store; `not_found` if the database has none.
core::Result<std::int64_t> store_version(Connection& connection);

/// Sees to it that the database has a store of the newest schema, in a PostgreSQL schema of its own
/// that is called `nexakey`. Without a store there: makes it, or `not_found`. Other errors are
/// exceptions.
core::Result<void> prepare_store(Connection& connection, OpenMode mode);

}  // namespace nexakey::store::postgres
