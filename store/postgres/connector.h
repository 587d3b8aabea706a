#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "store/postgres/libpq.h"

namespace nexakey::store::postgres {

struct Finish {
  void operator()(PGconn* connection) const { libpq().finish(connection); }
};
/// A connection of libpq, which is closed at the end.
using Connection = std::unique_ptr<PGconn, Finish>;

/// Opens connections to the servers of a URL, which libpq completes from its environment and files.
/// libpq gives each server at least two seconds; a connector has a bound for all of them together.
/// Only the resolver of host names can exceed it.
class Connector {
 public:
  using Clock = std::chrono::steady_clock;

  /// `place`: the servers, for messages.
  Connector(std::string url, std::string place) : url_(std::move(url)), place_(std::move(place)) {}

  /// Connects to the first server that accepts, beginning with that of the last connection. Each of
  /// the others gets an equal share of the time until `until`, or of `connect_timeout` if the URL
  /// has one. Throws a Problem; Unresponsive, if none responded.
  Connection open(Clock::time_point until);

  /// Whether the server of the last connection responds to another one before `until`. If its
  /// processes are stopped, the system accepts connections for them, which nobody serves.
  [[nodiscard]] bool is_alive(Clock::time_point until) const;

  [[nodiscard]] const std::string& place() const { return place_; }

 private:
  struct Server {
    std::string host;
    std::string address;
    std::string port;
  };
  enum class Outcome { connected, failed, timed_out };

  [[nodiscard]] Connection begin(const Server* server) const;
  static Outcome finish(PGconn* connection, Clock::time_point until);
  void read_settings(PGconn* connection);

  std::string url_;
  std::string place_;
  std::vector<Server> servers_;      // empty until the first connection
  std::size_t last_ = 0;             // the server of the last connection
  std::chrono::seconds timeout_{0};  // connect_timeout; 0: the default
};

}  // namespace nexakey::store::postgres
