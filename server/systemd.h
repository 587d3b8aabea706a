#pragma once

#include <string_view>
#include <vector>

#include "core/error.h"

namespace nexakey::server {

/// The listening stream sockets that systemd has passed on to this process (sd_listen_fds(3):
/// LISTEN_PID, LISTEN_FDS), for good: a second call finds none. Whatever else was passed is an
/// error. They don't get into processes that this one starts.
core::Result<std::vector<int>> take_passed_sockets();

/// Whether there are any.
bool has_passed_sockets();

/// Tells the service manager about a change, such as "READY=1", at NOTIFY_SOCKET (sd_notify(3)).
/// Does nothing where nobody wants to know, and lets nobody wait.
void notify_manager(std::string_view change);

}  // namespace nexakey::server
