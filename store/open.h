#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/secret.h"
#include "store/health.h"
#include "store/key_store.h"

namespace nexakey::store {

/// Whether a store has to be there.
enum class OpenMode {
  existing,           ///< `not_found` if it was never made
  create_if_missing,  ///< makes it, and the folders above it
};

/// What it takes to reach a store on another machine; one in files of this machine needs none of
/// it. What a message says of it comes from here too.
struct Access {
  /// Gets the token. Asked once for each store that is opened, and only by one that needs it.
  std::function<core::Result<core::Secret>()> token{};
  std::string token_name{};    ///< "the token of ci.token"
  std::string store_origin{};  ///< " (from NEXAKEY_STORE)", or nothing if the user just named it
  std::string ca_file{};       ///< certificates (PEM) to trust in place of the system's; or empty
  std::chrono::milliseconds timeout{30'000};  ///< for one request in all, whatever becomes of it
};

/// Opens the store that a URL names: `sqlite:PATH` or a bare path, `https://HOST[:PORT]`,
/// `http://…` on this machine, `unix:PATH`. A URL of another scheme, or without a path or host, is
/// a `usage` error. Whether a remote store can be reached shows with the first command.
core::Result<std::unique_ptr<KeyStore>> open(const std::string& url, OpenMode mode,
                                             const Access& access = {});

/// Looks at the store that a URL names, at a damaged one too, and calls `visit` with each thing
/// that it finds; changes nothing. An error: it is not there or can't be opened, so that no more
/// was to be found.
core::Result<void> check(const std::string& url, core::Time now, const FindingVisitor& visit,
                         const Access& access = {});

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
