#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "store/access.h"
#include "store/served_store.h"

namespace nexakey::store::postgres {

/// Opens a store in a PostgreSQL database. `rest`: its URL after the scheme.
/// `kept`: how long counts are kept by the hour.
core::Result<std::unique_ptr<ServedStore>> open_store(const std::string& rest, OpenMode mode,
                                                      std::chrono::hours kept);

}  // namespace nexakey::store::postgres
