#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/arguments.h"
#include "server/gateway.h"
#include "server/limits.h"
#include "server/tls.h"

namespace nexakey::cli {

/// The options of `nexakey serve`, as given on the command line.
struct ServeOptions {
  std::vector<std::string> listen{};
  std::optional<std::string> metrics_listen{};
  std::vector<std::string> proxies{};
  std::string log = "text";
  std::optional<std::string> access_log{};
  std::optional<std::string> max_header{};
  std::optional<std::string> max_body{};
  std::optional<std::string> max_connections{};
  std::optional<std::string> max_buffers{};
  std::optional<std::string> loops{};
  std::optional<std::string> deciders{};
  std::optional<std::string> workers{};
  std::optional<std::string> max_waiting{};
  std::optional<std::string> idle_timeout{};
  std::optional<std::string> head_timeout{};
  std::optional<std::string> request_timeout{};
  std::optional<std::string> certificate{};
  std::optional<std::string> private_key{};
  bool insecure = false;
};

/// Adds the options to a command line that is parsed into `options`.
void add_serve_options(Arguments& app, ServeOptions& options);

/// The values of the options; each ends the command if one is out of range or not valid.
server::TrustedProxies parse_proxies(const std::vector<std::string>& texts);
server::Limits parse_limits(const ServeOptions& options);
std::optional<server::TlsFiles> parse_tls(const ServeOptions& options);

}  // namespace nexakey::cli
