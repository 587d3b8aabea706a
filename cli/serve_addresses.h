#pragma once

#include <optional>
#include <vector>

#include "cli/serve_options.h"
#include "server/listen_address.h"

namespace nexakey::cli {

/// Where `nexakey serve` listens.
struct ServeAddresses {
  std::vector<server::ListenAddress> listen{};
  std::optional<server::ListenAddress> metrics{};
  std::optional<server::ListenAddress> access_log{};  ///< a Unix socket
};

/// The addresses that the options name. Without `--listen` this is 127.0.0.1:8080, unless systemd
/// has passed sockets (`has_passed`). Ends the command if one of them is not valid, if two of them
/// overlap, or if other machines would reach one without TLS and without --insecure.
ServeAddresses parse_addresses(const ServeOptions& options, bool has_passed);

/// Checks the address of a socket that systemd has passed in the same way.
void check_passed(const server::ListenAddress& passed, const ServeAddresses& addresses,
                  const ServeOptions& options);

}  // namespace nexakey::cli
