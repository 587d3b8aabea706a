#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>

#include "core/error.h"
#include "core/secret.h"
#include "core/usage.h"

namespace nexakey::store {

/// Whether a store has to exist already.
enum class OpenMode {
  existing,           ///< `not_found` if it does not exist
  create_if_missing,  ///< creates it, and the folders above it
};

/// How to reach a store behind a server. A store in files of this machine needs none of it.
struct RemoteAccess {
  /// Reads the token. Called for each store that is opened, and only if the store needs it; again
  /// when an ID token is refused, which may have expired.
  std::function<core::Result<core::Secret>()> token{};
  std::string token_name{};    ///< names the token in messages: "the token of ci.token"
  bool is_id_token = false;    ///< issued for a short time: another call may give a newer one
  std::string store_origin{};  ///< where the URL is from: " (from NEXAKEY_STORE)", or nothing
  std::string ca_file{};       ///< certificates (PEM) to trust instead of the system's, or nothing
  std::chrono::milliseconds timeout{30'000};  ///< for one request, with all its retries
};

/// How a store is kept. A server has these settings of its own for the store behind it.
struct StoreSettings {
  std::chrono::hours kept_hours = core::kDefaultKeptHours;  ///< how long counts stay by the hour
  std::filesystem::path revocation_log{};                   ///< empty: none
};

}  // namespace nexakey::store
