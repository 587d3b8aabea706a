#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "store/access.h"
#include "store/backup.h"
#include "store/certificate.h"
#include "store/health.h"
#include "store/key_store.h"
#include "store/served_store.h"

namespace nexakey::store {

/// Opens a store that can be served: `sqlite:PATH`, a path or `postgresql://…`. Error: `usage`, for
/// any other URL.
core::Result<std::unique_ptr<ServedStore>> open_served(const std::string& url, OpenMode mode,
                                                       const StoreSettings& settings = {});

/// Opens the store at a URL: `sqlite:PATH` or a bare path, `https://HOST[:PORT]`, `http://…` on
/// this machine, `unix:PATH` or `postgresql://…`. Error: `usage`, for another scheme or without a
/// path or host. The store behind a server is not contacted before its first use.
core::Result<std::unique_ptr<KeyStore>> open(const std::string& url, OpenMode mode,
                                             const RemoteAccess& access = {},
                                             const StoreSettings& settings = {});

/// Checks the store at a URL, which may be damaged, without changing it. Calls `visit` with each
/// finding. Error: the store does not exist or cannot be opened, so the check is incomplete.
core::Result<void> check(const std::string& url, core::Time now, const FindingVisitor& visit,
                         const RemoteAccess& access = {}, const StoreSettings& settings = {});

/// The certificate of the server at a URL, which has been verified; nothing without TLS. Sends the
/// token. Error: `usage`, if the URL does not name a server of nexakey.
core::Result<std::optional<Certificate>> find_certificate(const std::string& url,
                                                          const RemoteAccess& access);

/// Writes a consistent copy of the store at a URL, with all its counts, to an empty file that the
/// caller may write. Error: `usage`, if the store is not an SQLite file.
core::Result<BackupSummary> backup(const std::string& url, const std::filesystem::path& file);

/// Replaces the store at a URL by a backup, and keeps the revocations of the store that it
/// replaces and those of the revocation log. The audit log names `actor`. Errors: `usage`, if the
/// store is not an SQLite file; `store_unavailable`, if another process has it open.
core::Result<RestoreSummary> restore(const std::string& url, const std::filesystem::path& file,
                                     const core::Actor& actor, core::Time now,
                                     const StoreSettings& settings = {});

/// Ends in the store at a URL what has ended according to its revocation log. The audit log names
/// `actor`. Error: `usage`, if the store is behind a server.
core::Result<AppliedEndings> apply_revocation_log(const std::string& url, const core::Actor& actor,
                                                  core::Time now, const StoreSettings& settings);

/// Whether a URL names a store behind a server, whose calls may block.
bool is_remote(const std::string& url);

/// The offset of the path in the URL of a store on this machine; empty if the URL names another
/// store.
std::optional<std::size_t> path_in(const std::string& url);

/// The location of a store for messages: a path, or the scheme, host, port and database as its
/// backend reads them; "the store URL" if it cannot be read. Contains no part of a password.
std::string place_of(const std::string& url);

/// The schemes that `open` knows.
std::vector<std::string_view> schemes();

}  // namespace nexakey::store
