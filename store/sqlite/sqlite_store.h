#pragma once

#include <memory>
#include <string>

#include "store/access.h"
#include "store/served_store.h"

namespace nexakey::store::sqlite {

/// Opens a store in an SQLite file on this machine. `path` may be relative.
core::Result<std::unique_ptr<ServedStore>> open_store(const std::string& path, OpenMode mode,
                                                      const StoreSettings& settings);

}  // namespace nexakey::store::sqlite
