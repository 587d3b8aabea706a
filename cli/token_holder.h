#pragma once

#include <string>

#include "cli/key_view.h"
#include "core/whoami.h"

namespace nexakey::cli {

/// Who a server takes the holder of a token for: its name, id, role, workspace and expiry.
std::string describe_holder(const KeyView& view, const core::Whoami& whoami);

}  // namespace nexakey::cli
