#pragma once

#include <memory>
#include <string>

#include "store/access.h"
#include "store/served_store.h"

namespace nexakey::store::postgres {

/// A store in a database of PostgreSQL. `rest` is its URL behind the scheme.
core::Result<std::unique_ptr<ServedStore>> open_store(const std::string& rest, OpenMode mode);

}  // namespace nexakey::store::postgres
