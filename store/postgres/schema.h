#pragma once

#include "store/access.h"
#include "store/postgres/session.h"

namespace nexakey::store::postgres {

/// The version of the store's schema. Error: `not_found`, if the database has no store.
core::Result<std::int64_t> store_version(Session& session);

/// Upgrades the store, in the PostgreSQL schema `nexakey`, to the newest version. If there is none,
/// creates it or returns `not_found`, depending on `mode`. Other errors are exceptions.
core::Result<void> prepare_store(Session& session, OpenMode mode);

}  // namespace nexakey::store::postgres
