#pragma once

#include <string>

#include "core/error.h"

namespace nexakey::store::postgres {

/// Reads `postgresql://…` as libpq does and returns where that is, with nothing secret in it:
/// `postgresql://HOST:PORT/DATABASE`.
///
/// A URL that libpq would take apart in the middle of a password, because that has an @ or a slash
/// that is not percent-encoded, is a `usage` error: a part of the password would be the host, and
/// every message about the host would show it. So is all else that cannot be read; no error shows a
/// part of the URL. Without libpq, the error is `store_unavailable`.
core::Result<std::string> read_place(const std::string& url);

}  // namespace nexakey::store::postgres
