#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <iterator>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>

#include <unistd.h>

#include "cli/access.h"
#include "cli/command.h"
#include "cli/descriptor.h"
#include "cli/options.h"
#include "cli/report.h"
#include "core/json_writer.h"
#include "core/text.h"
#include "server/access_socket.h"
#include "server/server.h"
#include "server/systemd.h"

namespace nexakey::cli {
namespace {

constexpr const char* kExamples =
    "nexakey serve --trusted-proxy 127.0.0.1\n"
    "nexakey serve --listen unix:/run/nexakey/auth.sock --trusted-proxy unix";

constexpr std::chrono::milliseconds kMaintenancePause{200};
constexpr std::size_t kMaxWorkers = 64;
constexpr std::size_t kMaxDeciders = 16;
constexpr const char* kDefaultEndpoint = "127.0.0.1:8080";
constexpr const char* kPassedSockets = "systemd";

struct Options {
  std::vector<std::string> endpoints;
  std::optional<std::string> metrics{};
  std::vector<std::string> proxies;
  std::string log = "text";
  std::optional<std::string> max_header{};
  std::optional<std::string> max_body{};
  std::optional<std::string> max_connections{};
  std::optional<std::string> deciders{};
  std::optional<std::string> workers{};
  std::optional<std::string> max_waiting{};
  std::optional<std::string> idle{};
  std::optional<std::string> request{};
  std::optional<std::string> certificate{};
  std::optional<std::string> private_key{};
  std::optional<std::string> access_log{};
  bool insecure = false;
};

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

server::Limits parse_limits(const Options& options) {
  server::Limits limits;
  const auto set = [](const std::optional<std::string>& text, const char* option,
                      std::size_t& limit) {
    if (text) {
      limit = static_cast<std::size_t>(parse_number(*text, option));
      if (limit == 0 || limit > UINT32_MAX) {
        throw Failure{{core::ErrorCode::usage, std::string(option) + " is out of range", ""}};
      }
    }
  };
  set(options.max_header, "--max-header", limits.header_bytes);
  set(options.max_body, "--max-body", limits.body_bytes);
  set(options.max_connections, "--max-connections", limits.connections);
  set(options.deciders, "--deciders", limits.deciders);
  set(options.workers, "--workers", limits.workers);
  set(options.max_waiting, "--max-waiting", limits.queue);
  const auto bound = [](std::size_t limit, const char* option, std::size_t max) {
    if (limit > max) {
      throw Failure{
          {core::ErrorCode::usage, std::string(option) + " is at most " + std::to_string(max), ""}};
    }
  };
  bound(limits.deciders, "--deciders", kMaxDeciders);
  bound(limits.workers, "--workers", kMaxWorkers);
  if (options.idle) {
    limits.idle = value_of(core::parse_duration(*options.idle));
  }
  if (options.request) {
    limits.request = value_of(core::parse_duration(*options.request));
  }
  return limits;
}

void check_reach(const server::Endpoint& endpoint, const Options& options) {
  if (!endpoint.is_loopback() && !options.certificate && !options.insecure) {
    throw Failure{{core::ErrorCode::usage,
                   endpoint.to_string() +
                       " can be reached from other machines, and what goes there is not encrypted",
                   "pass --tls-cert and --tls-key, or --insecure if a proxy or the network sees to "
                   "that"}};
  }
}

/// What --listen names, besides the sockets that systemd has passed on.
std::vector<server::Endpoint> parse_endpoints(const Options& options, bool has_passed) {
  std::vector<server::Endpoint> endpoints;
  for (const std::string& text : options.endpoints) {
    if (text != kPassedSockets) {
      endpoints.push_back(value_of(server::Endpoint::parse(text)));
    } else if (!has_passed) {
      throw Failure{{core::ErrorCode::usage, "systemd has passed no sockets to this process",
                     "start its socket unit, or name a place to listen at"}};
    }
  }
  if (options.endpoints.empty() && !has_passed) {
    endpoints.push_back(value_of(server::Endpoint::parse(kDefaultEndpoint)));
  }
  for (const server::Endpoint& endpoint : endpoints) {
    check_reach(endpoint, options);
  }
  return endpoints;
}

std::optional<server::Endpoint> parse_metrics_endpoint(const Options& options) {
  if (!options.metrics) {
    return std::nullopt;
  }
  auto endpoint = value_of(server::Endpoint::parse(*options.metrics));
  check_reach(endpoint, options);
  return endpoint;
}

std::optional<server::TlsFiles> parse_tls(const Options& options) {
  if (options.certificate.has_value() != options.private_key.has_value()) {
    throw Failure{{core::ErrorCode::usage, "TLS needs a certificate and its key",
                   "pass both --tls-cert and --tls-key"}};
  }
  if (!options.certificate) {
    return std::nullopt;
  }
  return server::TlsFiles{.certificate = *options.certificate, .key = *options.private_key};
}

std::optional<server::Endpoint> parse_access_log(const Options& options) {
  if (!options.access_log) {
    return std::nullopt;
  }
  auto endpoint = value_of(server::Endpoint::parse(*options.access_log));
  if (endpoint.address) {
    throw Failure{{core::ErrorCode::usage, "--access-log takes the path of a Unix socket",
                   "write unix:PATH"}};
  }
  return endpoint;
}

/// None without --access-log.
std::unique_ptr<server::AccessSocket> bind_access_socket(
    const std::optional<server::Endpoint>& endpoint) {
  return endpoint ? value_of(server::AccessSocket::bind(endpoint->path)) : nullptr;
}

struct Addresses {
  std::vector<server::Endpoint> listen;
  std::optional<server::Endpoint> metrics;
  std::optional<server::Endpoint> access_log;
};

/// An address, and the option that names it.
struct Named {
  std::string option;
  server::Endpoint endpoint;

  [[nodiscard]] std::string to_string() const { return option + " " + endpoint.to_string(); }
};

void check_overlap(const Named& one, const Named& other) {
  if (one.endpoint.overlaps(other.endpoint)) {
    throw Failure{{core::ErrorCode::usage,
                   one.to_string() + " and " + other.to_string() + " use the same address",
                   "choose another address for one of them"}};
  }
}

/// The second socket for an address would fail as if another process used it, and without metrics
/// the server would go on.
void check_overlaps(const Addresses& addresses) {
  std::vector<Named> all;
  for (const server::Endpoint& endpoint : addresses.listen) {
    all.push_back({"--listen", endpoint});
  }
  if (addresses.metrics) {
    all.push_back({"--metrics-listen", *addresses.metrics});
  }
  if (addresses.access_log) {
    all.push_back({"--access-log", *addresses.access_log});
  }
  for (auto one = all.begin(); one != all.end(); ++one) {
    std::for_each(std::next(one), all.end(),
                  [&](const Named& other) { check_overlap(*one, other); });
  }
}

Addresses parse_addresses(const Options& options, bool has_passed) {
  Addresses addresses{.listen = parse_endpoints(options, has_passed),
                      .metrics = parse_metrics_endpoint(options),
                      .access_log = parse_access_log(options)};
  check_overlaps(addresses);
  return addresses;
}

void note_listening(const server::Endpoint& endpoint) {
  print_note("nexakey: listening at " + endpoint.to_string());
}

void start_listening(server::Server& server, const std::vector<int>& passed,
                     const Addresses& addresses, const Options& options) {
  for (const int descriptor : passed) {
    const server::Endpoint endpoint = value_of(server.adopt(descriptor));
    check_reach(endpoint, options);
    if (addresses.metrics) {
      check_overlap({"the socket of systemd", endpoint}, {"--metrics-listen", *addresses.metrics});
    }
    note_listening(endpoint);
  }
  for (const server::Endpoint& endpoint : addresses.listen) {
    note_listening(value_of(server.listen(endpoint)));
  }
}

/// An address that is in use costs the metrics, not the decisions: it is reported, and no more.
void start_metrics(server::Server& server, const std::optional<server::Endpoint>& endpoint,
                   const Settings& settings) {
  if (!endpoint) {
    return;
  }
  if (const auto listening = server.listen(*endpoint, server::Surface::metrics)) {
    note_listening(*listening);
  } else {
    core::Error error = listening.error();
    error.hint = "serving without it; choose another address with --metrics-listen";
    report(error, settings.format);
  }
}

/// The access log: lines gathered in a turn of the loop, written with one call.
class AccessLog {
 public:
  explicit AccessLog(const std::string& form) : is_json_(form == "json"), is_off_(form == "none") {
    if (!is_json_ && !is_off_ && form != "text") {
      throw Failure{{core::ErrorCode::usage, "no form of log is called " + core::quote(form),
                     "write text, json or none"}};
    }
  }

  [[nodiscard]] std::function<void(const server::LogEntry&)> writer() {
    return is_off_ ? std::function<void(const server::LogEntry&)>()
                   : [this](const server::LogEntry& entry) { add(entry); };
  }

  void flush() {
    if (!lines_.empty()) {
      write_all(STDERR_FILENO, lines_);
      lines_.clear();
    }
  }

 private:
  void add(const server::LogEntry& entry) {
    if (is_json_) {
      add_json(entry);
    } else {
      add_text(entry);
    }
    lines_ += '\n';
  }

  void add_json(const server::LogEntry& entry) {
    const auto text = [](core::JsonWriter& json, std::string_view name, const std::string& value) {
      json.name(name);
      if (value.empty()) {
        json.null();
      } else {
        json.string(value);
      }
    };
    core::JsonWriter json(lines_);
    json.begin_object().name("time").plain(core::format_time(entry.at));
    text(json, "peer", entry.peer);
    text(json, "method", entry.method);
    text(json, "path", entry.path);
    json.name("status").number(entry.status);
    text(json, "detail", entry.detail);
    text(json, "key_id", entry.key_id);
    text(json, "client_ip", entry.client_ip);
    json.end_object();
  }

  void add_text(const server::LogEntry& entry) {
    core::append_time(lines_, entry.at);
    for (const std::string& part :
         {entry.peer, entry.method, entry.path, std::to_string(entry.status), entry.key_id,
          entry.client_ip, entry.detail}) {
      lines_ += ' ' + (part.empty() ? "-" : core::printable(part));
    }
  }

  bool is_json_;
  bool is_off_;
  std::string lines_;
};

/// Does what is due in the store, with a store object of its own. Under full load a second fills
/// what the store takes before it has to settle; it looks more often.
class Maintenance {
 public:
  explicit Maintenance(std::unique_ptr<store::KeyStore> store)
      : store_(std::move(store)), thread_([this](const std::stop_token& stop) { run(stop); }) {}

 private:
  void run(const std::stop_token& stop) {
    std::mutex mutex;
    std::condition_variable_any wake;
    std::unique_lock lock(mutex);
    while (!wake.wait_for(lock, stop, kMaintenancePause, [&] { return stop.stop_requested(); })) {
      // What could not be done now is done by the next turn, or by a verification.
      static_cast<void>(store_->maintain());
    }
  }

  std::unique_ptr<store::KeyStore> store_;
  std::jthread thread_;
};

ExitStatus run(Context& context, const Options& options) {
  const auto passed = value_of(server::take_passed_sockets());
  const Addresses addresses = parse_addresses(options, !passed.empty());
  const auto tls = parse_tls(options);
  server::Limits limits = parse_limits(options);
  if (!store::is_remote(context.settings.store.value)) {
    limits.deciders = 0;
  }
  AccessLog log(options.log);
  const auto store = context.open_store();
  server::Service service(parse_proxies(options.proxies), context.settings.workspace, log.writer());
  const auto open_store = [&] {
    return store::open(context.settings.store.value, store::OpenMode::existing,
                       access_of(context.settings));
  };
  server::Server server(service, *store, open_store, limits);
  if (tls) {
    value_of(server.use_tls(*tls));
  }
  const auto access_socket = bind_access_socket(addresses.access_log);
  start_listening(server, passed, addresses, options);
  start_metrics(server, addresses.metrics, context.settings);
  const Maintenance maintenance(context.open_store());
  if (access_socket) {
    access_socket->start(context.open_store(), service.metrics().log);
  }
  server.run([&] { log.flush(); },
             [&](const core::Error& error) { report(error, context.settings.format); });
  return ExitStatus::done;
}

Runner attach(Arguments& app) {
  const auto options = std::make_shared<Options>();
  add_list_option(app, "--listen", options->endpoints, "Where to listen (default: 127.0.0.1:8080)")
      ->type_name("ADDRESS:PORT|unix:PATH|systemd");
  app.add_option("--metrics-listen", options->metrics,
                 "Where to answer /metrics, /healthz and /readyz alone")
      ->type_name("ADDRESS:PORT|unix:PATH");
  add_list_option(app, "--trusted-proxy", options->proxies,
                  "A gateway whose word about clients counts")
      ->type_name("IP|unix");
  app.add_option("--tls-cert", options->certificate, "Speak TLS with this certificate chain (PEM)")
      ->type_name("FILE");
  app.add_option("--tls-key", options->private_key, "The key of the certificate (PEM)")
      ->type_name("FILE");
  app.add_flag("--insecure", options->insecure, "Let other machines reach it without TLS");
  app.add_option("--log", options->log, "The form of the access log (default: text)")
      ->type_name("text|json|none");
  app.add_option("--access-log", options->access_log,
                 "Count answers of the API from the access log of nginx")
      ->type_name("unix:PATH");
  app.add_option("--max-header", options->max_header,
                 "The max size of a request's head, in bytes (default: 65536)")
      ->type_name("N");
  app.add_option("--max-body", options->max_body, "The longest body, in bytes")->type_name("N");
  app.add_option("--max-connections", options->max_connections, "At most so many connections")
      ->type_name("N");
  app.add_option("--deciders", options->deciders,
                 "Threads for decisions, if the store is on another machine")
      ->type_name("N");
  app.add_option("--workers", options->workers, "Threads for what can take long")->type_name("N");
  app.add_option("--max-waiting", options->max_waiting, "At most so many requests wait for one")
      ->type_name("N");
  app.add_option("--idle-timeout", options->idle, "How long a connection may be idle")
      ->type_name("DURATION");
  app.add_option("--request-timeout", options->request, "How long a request may take to come")
      ->type_name("DURATION");
  app.footer(kExamples);
  return [options](Context& context) { return run(context, *options); };
}

}  // namespace

const Command kServe{"serve", "Answer gateways and APIs over HTTP", attach};

}  // namespace nexakey::cli
