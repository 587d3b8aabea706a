#pragma once

#include <string>

#include "cli/settings.h"
#include "core/secret.h"
#include "store/open.h"

namespace nexakey::cli {

/// Checks that `token` has the form of a token. Error: `usage`; `where` is for its message.
core::Result<core::Secret> check_token(const core::Secret& token, const std::string& where);

/// How to reach the remote store of the settings: token, certificate authorities and timeout.
///
/// The token is taken from the file of --token-file or NEXAKEY_TOKEN_FILE, else from NEXAKEY_TOKEN,
/// else from the file that a config file names for its own store, else it is an ID token
/// (cli/id_token.h). The store of a context gets that
/// of the context or of --token-file. It is read when the store asks for it. Ends the command if
/// the timeout is invalid.
store::RemoteAccess remote_access(const Settings& settings);

}  // namespace nexakey::cli
