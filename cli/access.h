#pragma once

#include "cli/settings.h"
#include "store/open.h"

namespace nexakey::cli {

/// What the settings say of how to reach a remote store. The token is the one in the file of
/// --token-file or NEXAKEY_TOKEN_FILE, else NEXAKEY_TOKEN, else the one in the file that a config
/// file names for its own store; it is read when a store asks for it.
store::RemoteAccess access_of(const Settings& settings);

}  // namespace nexakey::cli
