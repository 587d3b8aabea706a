#include <memory>
#include <string>
#include <utility>

#include "cli/access.h"
#include "cli/command.h"
#include "cli/print_error.h"
#include "cli/serve_addresses.h"
#include "cli/serve_options.h"
#include "server/access_log.h"
#include "server/access_socket.h"
#include "server/maintenance.h"
#include "server/server.h"
#include "server/systemd.h"
#include "system/descriptor.h"

namespace nexakey::cli {
namespace {

constexpr const char* kExamples =
    "nexakey serve --trusted-proxy 127.0.0.1\n"
    "nexakey serve --listen unix:/run/nexakey/auth.sock --trusted-proxy unix";

/// Connections get at most half of the descriptors: the store, which opens files and connections of
/// its own, needs some, and without them all decisions would be 503.
void limit_connections(server::Limits& limits) {
  const std::size_t descriptors = system::raise_max_descriptors(2 * limits.connections);
  if (descriptors / 2 < limits.connections) {
    limits.connections = descriptors / 2;
    print_note("nexakey: accepting at most " + std::to_string(limits.connections) +
               " connections: the process may have only " + std::to_string(descriptors) +
               " descriptors: raise the limit with ulimit -n or LimitNOFILE=");
  }
}

void note_listening(const server::ListenAddress& address) {
  print_note("nexakey: listening at " + address.to_string());
}

void start_listening(server::Server& server, const std::vector<int>& passed,
                     const ServeAddresses& addresses, const ServeOptions& options) {
  for (const int descriptor : passed) {
    const auto address = value_of(server.adopt(descriptor));
    check_passed(address, addresses, options);
    note_listening(address);
  }
  for (const auto& address : addresses.listen) {
    note_listening(value_of(server.listen(address)));
  }
}

/// A metrics address that is in use is reported, and the server goes on: decisions matter more.
void start_metrics(server::Server& server, const std::optional<server::ListenAddress>& address,
                   Format format) {
  if (!address) {
    return;
  }
  if (const auto listening = server.listen(*address, server::Surface::metrics)) {
    note_listening(*listening);
  } else {
    core::Error error = listening.error();
    error.hint = "serving without it; choose another address with --metrics-listen";
    print_error(error, format);
  }
}

ExitStatus run(Context& context, const ServeOptions& options) {
  const Format format = context.settings.format;
  const auto passed = value_of(server::take_passed_sockets());
  const auto addresses = parse_addresses(options, !passed.empty());
  const auto tls = parse_tls(options);
  server::Limits limits = parse_limits(options);
  limit_connections(limits);
  if (!store::is_remote(context.settings.store.value)) {
    limits.deciders = 0;
  }
  const auto form = value_of(server::parse_log_form(options.log));

  const auto open_store = [&] { return context.open_served_store(); };
  auto store = value_of(open_store());
  value_of(store->check_revocation_log());
  server::Service service(
      parse_proxies(options.proxies), context.settings.workspace,
      server::fetch_with_curl(context.settings.ca_file ? context.settings.ca_file->value : ""));
  server::AccessLog log(form, service.metrics().dropped_log_lines);
  const auto server = value_of(server::Server::create(service, log, open_store, limits));
  if (tls) {
    value_of(server->use_tls(*tls));
  }
  const auto access_socket = addresses.access_log
                                 ? value_of(server::AccessSocket::bind(addresses.access_log->path))
                                 : nullptr;
  start_listening(*server, passed, addresses, options);
  start_metrics(*server, addresses.metrics, format);
  const server::Maintenance maintenance(std::move(store), context.settings.workspace,
                                        service.metrics().store);
  if (access_socket) {
    access_socket->start(value_of(open_store()), service.metrics().log);
  }
  server->run([&](const core::Error& error) { log.write(format_error(error, format) + "\n"); });
  return ExitStatus::done;
}

Runner attach(Arguments& app) {
  const auto options = std::make_shared<ServeOptions>();
  add_serve_options(app, *options);
  app.footer(kExamples);
  return [options](Context& context) { return run(context, *options); };
}

}  // namespace

const Command kServe{"serve", "Answer gateways and APIs over HTTP", attach};

}  // namespace nexakey::cli
