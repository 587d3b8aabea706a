#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "store/health.h"
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

/// Looks at the store that a URL names, at a damaged one too, and calls `visit` with each thing
/// that it finds; changes nothing. An error: it is not there or can't be opened, so that no more
/// was to be found.
core::Result<void> check(const std::string& url, core::Time now, const FindingVisitor& visit);

/// The schemes that `open` knows.
std::vector<std::string_view> schemes();

}  // namespace nexakey::store
