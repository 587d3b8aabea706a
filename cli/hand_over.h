#pragma once

#include <functional>
#include <string>

#include "core/error.h"

namespace nexakey::cli {

/// Calls `hand_over`, which shows a new secret or gives it its file. If that fails, nobody holds
/// the secret and nobody ever will: `revoke` ends it, and the failure goes on. If that fails too, a
/// note says that `subject` is active, and how to revoke it: by `command`.
void hand_over_or_revoke(const std::function<void()>& hand_over,
                         const std::function<core::Result<void>()>& revoke,
                         const std::string& subject, const std::string& command);

}  // namespace nexakey::cli
