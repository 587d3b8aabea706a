#pragma once

#include <memory>
#include <string>

#include "core/error.h"
#include "store/key_store.h"

namespace nexakey::store {

/// Whether a store has to be there.
enum class OpenMode {
  existing,           ///< `not_found` if it was never made
  create_if_missing,  ///< makes it, and the folders above it
};

/// Opens the store that a URL names: `sqlite:PATH` or a bare path. A URL of another scheme, or
/// without a path, is a `usage` error.
core::Result<std::unique_ptr<KeyStore>> open(const std::string& url, OpenMode mode);

}  // namespace nexakey::store
