#pragma once

#include <memory>
#include <string>

#include "store/open.h"

namespace nexakey::store::sqlite {

/// A store in an SQLite file on this machine. `path` may be relative.
core::Result<std::unique_ptr<KeyStore>> open_store(const std::string& path, OpenMode mode);

}  // namespace nexakey::store::sqlite
