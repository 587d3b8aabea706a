#pragma once

#include "core/audit.h"

namespace nexakey::cli {

/// Who runs this command, for the audit log: the name of the real user (`uid 1000` if it has none),
/// and the host. Root that came by way of sudo is `root (sudo by alice)`.
const core::Actor& local_actor();

}  // namespace nexakey::cli
