#pragma once

#include "core/audit.h"

namespace nexakey::cli {

/// The user who runs this command, for the audit log: the name of the real user (`uid 1000` without
/// a name) and the host. Root through sudo is `root (sudo by alice)`.
const core::Actor& local_actor();

}  // namespace nexakey::cli
