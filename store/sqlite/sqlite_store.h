#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "store/access.h"
#include "store/served_store.h"

namespace nexakey::store::sqlite {

/// Opens a store in an SQLite file on this machine. `path` may be relative. `kept`: how long
/// counts are kept by the hour.
core::Result<std::unique_ptr<ServedStore>> open_store(const std::string& path, OpenMode mode,
                                                      std::chrono::hours kept);

}  // namespace nexakey::store::sqlite
