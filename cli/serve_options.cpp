#include "cli/serve_options.h"

#include <chrono>
#include <cstdint>

#include "cli/exit_status.h"
#include "cli/options.h"
#include "core/time.h"

namespace nexakey::cli {
namespace {

constexpr std::size_t kMaxLoops = 64;
constexpr std::size_t kMaxWorkers = 64;
constexpr std::size_t kMaxDeciders = 16;

void set_limit(std::size_t& limit, const std::optional<std::string>& text, const char* option,
               std::size_t max = UINT32_MAX) {
  if (!text) {
    return;
  }
  const std::int64_t number = parse_number(*text, option);
  if (number == 0 || number > static_cast<std::int64_t>(max)) {
    throw Failure{{core::ErrorCode::usage, std::string(option) + " is out of range",
                   "write a number from 1 to " + std::to_string(max)}};
  }
  limit = static_cast<std::size_t>(number);
}

void set_timeout(std::chrono::seconds& timeout, const std::optional<std::string>& text) {
  if (text) {
    timeout = value_of(core::parse_duration(*text));
  }
}

}  // namespace

void add_serve_options(Arguments& app, ServeOptions& options) {
  const auto add = [&app](const char* name, auto& value, const char* description,
                          const char* form) {
    app.add_option(name, value, description)->type_name(form);
  };
  add_list_option(app, "--listen", options.listen, "Where to listen (default: 127.0.0.1:8080)")
      ->type_name("ADDRESS:PORT|unix:PATH|systemd");
  add("--metrics-listen", options.metrics_listen,
      "Where to serve only /metrics, /healthz and /readyz", "ADDRESS:PORT|unix:PATH");
  add_list_option(app, "--trusted-proxy", options.proxies,
                  "A gateway whose client headers are trusted")
      ->type_name("IP|unix");
  add("--tls-cert", options.certificate, "The certificate chain for TLS (PEM)", "FILE");
  add("--tls-key", options.private_key, "The key of the certificate (PEM)", "FILE");
  app.add_flag("--insecure", options.insecure, "Allow other machines to connect without TLS");
  add("--log", options.log, "The form of the access log (default: text)", "text|json|none");
  add("--access-log", options.access_log, "Record upstream responses from nginx's access log",
      "unix:PATH");
  add("--max-header", options.max_header,
      "The maximum size of a request's head, in bytes (default: 65536)", "N");
  add("--max-body", options.max_body, "The maximum size of a body, in bytes", "N");
  add("--max-connections", options.max_connections, "The maximum number of connections", "N");
  add("--max-buffers", options.max_buffers, "The memory for all requests and responses, in bytes",
      "N");
  add("--loops", options.loops, "Threads that serve connections (default: 1)", "N");
  add("--deciders", options.deciders, "Threads for decisions, if the store is in PostgreSQL", "N");
  add("--workers", options.workers, "Threads for long requests", "N");
  add("--max-waiting", options.max_waiting, "The maximum number of waiting requests", "N");
  add("--idle-timeout", options.idle_timeout, "How long a connection may be idle", "DURATION");
  add("--head-timeout", options.head_timeout, "How long the head of a request may take to arrive",
      "DURATION");
  add("--request-timeout", options.request_timeout, "How long a request may take to arrive",
      "DURATION");
}

server::TrustedProxies parse_proxies(const std::vector<std::string>& texts) {
  server::TrustedProxies proxies;
  std::vector<std::string> addresses;
  for (const std::string& text : texts) {
    if (text == "unix") {
      proxies.unix_socket = true;
    } else {
      addresses.push_back(text);
    }
  }
  proxies.addresses = value_of(core::Whitelist::parse(addresses));
  return proxies;
}

server::Limits parse_limits(const ServeOptions& options) {
  server::Limits limits;
  set_limit(limits.header_bytes, options.max_header, "--max-header");
  set_limit(limits.body_bytes, options.max_body, "--max-body");
  set_limit(limits.connections, options.max_connections, "--max-connections");
  set_limit(limits.buffer_bytes, options.max_buffers, "--max-buffers");
  set_limit(limits.loops, options.loops, "--loops", kMaxLoops);
  set_limit(limits.deciders, options.deciders, "--deciders", kMaxDeciders);
  set_limit(limits.workers, options.workers, "--workers", kMaxWorkers);
  set_limit(limits.queue, options.max_waiting, "--max-waiting");
  set_timeout(limits.idle, options.idle_timeout);
  set_timeout(limits.head, options.head_timeout);
  set_timeout(limits.request, options.request_timeout);
  return limits;
}

std::optional<server::TlsFiles> parse_tls(const ServeOptions& options) {
  if (options.certificate.has_value() != options.private_key.has_value()) {
    throw Failure{{core::ErrorCode::usage, "TLS needs a certificate and its key",
                   "pass both --tls-cert and --tls-key"}};
  }
  if (!options.certificate) {
    return std::nullopt;
  }
  return server::TlsFiles{.certificate = *options.certificate, .key = *options.private_key};
}

}  // namespace nexakey::cli
