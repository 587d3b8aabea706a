#pragma once

#include <chrono>
#include <optional>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace nexakey::server {

/// Takes the listening stream sockets that systemd passed to this process (LISTEN_PID and
/// LISTEN_FDS, sd_listen_fds(3)). A second call returns none. Child processes do not inherit them.
/// Error: `usage`, if anything else or more than 64 sockets were passed.
core::Result<std::vector<int>> take_passed_sockets();

/// Whether systemd passed sockets that have not been taken.
bool has_passed_sockets();

/// How long the service manager waits for "WATCHDOG=1" before it ends this process (WATCHDOG_PID
/// and WATCHDOG_USEC, sd_watchdog_enabled(3)); nothing if it does not expect it.
std::optional<std::chrono::microseconds> watchdog_time();

/// Sends a change of state, such as "READY=1", to the service manager at NOTIFY_SOCKET
/// (sd_notify(3)). Does nothing if that is not set. Never blocks, and ignores errors.
void notify_manager(std::string_view change);

}  // namespace nexakey::server
