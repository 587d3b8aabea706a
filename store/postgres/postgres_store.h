#pragma once

#include <memory>
#include <string>

#include "store/access.h"
#include "store/served_store.h"

namespace nexakey::store::postgres {

/// Opens a store in a PostgreSQL database. `rest`: its URL after the scheme.
core::Result<std::unique_ptr<ServedStore>> open_store(const std::string& rest, OpenMode mode,
                                                      const StoreSettings& settings);

}  // namespace nexakey::store::postgres
