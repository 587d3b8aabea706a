#pragma once

#include <string>

#include "core/error.h"

namespace nexakey::store::postgres {

/// Reads `postgresql://…` as libpq does, and returns its location without secrets:
/// `postgresql://HOST:PORT/DATABASE`.
///
/// Errors: `usage`, if the URL cannot be read, or if its password has an @ or a slash that is not
/// percent-encoded: libpq would take a part of the password for the host, and messages about the
/// host would show it. `store_unavailable`, if libpq is missing. No error contains a part of the
/// URL.
core::Result<std::string> read_place(const std::string& url);

}  // namespace nexakey::store::postgres
