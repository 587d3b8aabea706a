#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "store/access.h"
#include "store/health.h"
#include "store/key_store.h"
#include "store/served_store.h"

namespace nexakey::store {

/// Opens the store that a URL names, which must be one that can be served: `sqlite:PATH`, a path or
/// `postgresql://…`; another one is a `usage` error.
core::Result<std::unique_ptr<ServedStore>> open_served(const std::string& url, OpenMode mode);

/// Opens the store that a URL names: `sqlite:PATH` or a bare path, `https://HOST[:PORT]`,
/// `http://…` on this machine, `unix:PATH`. A URL of another scheme, or without a path or host, is
/// a `usage` error. Whether a remote store can be reached shows with the first command.
core::Result<std::unique_ptr<KeyStore>> open(const std::string& url, OpenMode mode,
                                             const RemoteAccess& access = {});

/// Looks at the store that a URL names, at a damaged one too, and calls `visit` with each thing
/// that it finds; changes nothing. An error: it is not there or can't be opened, so that no more
/// was to be found.
core::Result<void> check(const std::string& url, core::Time now, const FindingVisitor& visit,
                         const RemoteAccess& access = {});

/// Whether a URL names a store behind a server, which may let one wait.
bool is_remote(const std::string& url);

/// Where the path of a store in files of this machine begins in its URL; nothing if the URL names
/// a store elsewhere.
std::optional<std::size_t> path_in(const std::string& url);

/// Where a store is, for people: a path, or the scheme, host, port and database as its backend
/// reads them; "the store URL" if it cannot be read. No part of a password is ever in it.
std::string place_of(const std::string& url);

/// The schemes that `open` knows.
std::vector<std::string_view> schemes();

}  // namespace nexakey::store
