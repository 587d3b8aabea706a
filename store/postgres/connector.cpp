#include "store/postgres/connector.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <map>
#include <new>
#include <optional>

#include <poll.h>

#include "core/text.h"
#include "store/postgres/problem.h"

namespace nexakey::store::postgres {
namespace {

using std::chrono::milliseconds;

/// The time for all servers together, unless the URL has a connect_timeout for each.
constexpr milliseconds kConnectTime{5000};
constexpr int kOldestServer = 130'000;

void ignore_notice(void* /*nothing*/, const char* /*message*/) {}

/// The element of a list of settings for one of several servers.
std::string setting_of(const std::string& list, std::size_t server) {
  const auto elements = core::split(list, ',');
  // A single port is that of all servers.
  return std::string(elements[elements.size() == 1 ? 0 : std::min(server, elements.size() - 1)]);
}

}  // namespace

Connection Connector::begin(const Server* server) const {
  // The URL overrides what precedes it.
  std::vector<const char*> names{"fallback_application_name", "dbname", "client_encoding"};
  std::vector<const char*> values{"nexakey", url_.c_str(), "UTF8"};
  if (server != nullptr) {
    names.insert(names.end(), {"host", "hostaddr", "port"});
    values.insert(values.end(),
                  {server->host.c_str(), server->address.c_str(), server->port.c_str()});
  }
  names.push_back(nullptr);
  values.push_back(nullptr);
  Connection connection(libpq().connect_start(names.data(), values.data(), 1));
  if (!connection) {
    throw std::bad_alloc();
  }
  return connection;
}

Connector::Outcome Connector::finish(PGconn* connection, Clock::time_point until) {
  const Libpq& pq = libpq();
  auto next =
      pq.status(connection) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING;
  while (next != PGRES_POLLING_OK) {
    if (next == PGRES_POLLING_FAILED) {
      return Outcome::failed;
    }
    const auto left = std::chrono::ceil<milliseconds>(until - Clock::now());
    pollfd ready{.fd = pq.socket(connection),
                 .events = static_cast<short>(next == PGRES_POLLING_READING ? POLLIN : POLLOUT),
                 .revents = 0};
    const int count = left.count() <= 0 ? 0 : ::poll(&ready, 1, static_cast<int>(left.count()));
    if (count == 0) {
      return Outcome::timed_out;
    }
    if (count > 0 || errno != EINTR) {
      next = pq.connect_poll(connection);
    }
  }
  return Outcome::connected;
}

/// Reads the list of servers, and the time that each of them has.
void Connector::read_settings(PGconn* connection) {
  std::map<std::string, std::string> settings;
  const std::unique_ptr<PQconninfoOption, void (*)(PQconninfoOption*)> options(
      libpq().conninfo(connection), libpq().conninfo_free);
  for (const auto* option = options.get(); option != nullptr && option->keyword != nullptr;
       ++option) {
    settings[option->keyword] = option->val == nullptr ? "" : option->val;
  }
  const auto count_of = [](const std::string& list) {
    return static_cast<std::size_t>(std::ranges::count(list, ',')) + 1;
  };
  const std::size_t count = std::max(count_of(settings["host"]), count_of(settings["hostaddr"]));
  for (std::size_t i = 0; i < count; ++i) {
    servers_.push_back({.host = setting_of(settings["host"], i),
                        .address = setting_of(settings["hostaddr"], i),
                        .port = setting_of(settings["port"], i)});
  }
  int seconds = 0;
  const std::string& timeout = settings["connect_timeout"];
  std::from_chars(timeout.data(), timeout.data() + timeout.size(), seconds);
  timeout_ = std::chrono::seconds(std::clamp(seconds, 0, 3600));
}

Connection Connector::open(Clock::time_point until) {
  const Libpq& pq = libpq();
  Connection connection;
  if (servers_.empty()) {
    connection = begin(nullptr);
    read_settings(connection.get());
  }
  const int count = static_cast<int>(servers_.size());
  const milliseconds time = timeout_.count() == 0 ? kConnectTime : milliseconds(timeout_) * count;
  until = std::min(until, Clock::now() + time);
  std::string why;
  bool is_responding = false;
  for (int tried = 0; tried < count; ++tried) {
    const std::size_t server = (last_ + static_cast<std::size_t>(tried)) % servers_.size();
    if (!connection || count > 1) {
      connection = begin(count > 1 ? &servers_[server] : nullptr);
    }
    const auto now = Clock::now();
    const Outcome outcome = finish(connection.get(), now + (until - now) / (count - tried));
    if (outcome == Outcome::connected) {
      last_ = server;
      if (pq.server_version(connection.get()) < kOldestServer) {
        throw Problem("the server of " + place_ + " is older than PostgreSQL 13", "upgrade it");
      }
      pq.set_notice_processor(connection.get(), ignore_notice, nullptr);
      pq.set_nonblocking(connection.get(), 1);
      return connection;
    }
    is_responding = is_responding || outcome == Outcome::failed;
    why += (why.empty() ? "" : "; ") + (outcome == Outcome::failed
                                            ? first_line(pq.error_message(connection.get()))
                                            : std::string("it does not respond"));
  }
  const std::string message = "the store " + place_ + " cannot be reached: " + why;
  if (is_responding) {
    throw Problem(message);
  }
  throw Unresponsive(message);
}

bool Connector::is_alive(Clock::time_point until) const {
  const Connection connection = begin(servers_.size() > 1 ? &servers_[last_] : nullptr);
  return finish(connection.get(), until) != Outcome::timed_out;
}

}  // namespace nexakey::store::postgres
