#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "server/buffer_budget.h"
#include "server/connection_pool.h"
#include "server/dispatcher.h"
#include "server/limits.h"
#include "server/listener.h"
#include "server/placement.h"
#include "server/recorder.h"
#include "server/tls.h"

namespace nexakey::server {

/// One event loop, which one thread runs. It owns its connections, what answers their requests, its
/// store and what it counts and logs. It shares the rest with the other loops: the service, the
/// limits, the budget of the buffers and the threads.
class Loop {
 public:
  /// What all loops of a server share.
  struct Shared {
    const Service& service;
    const Limits& limits;
    BufferBudget& budget;
    Threads& threads;
  };

  /// `places`: the maximum number of connections. `store`: null if there are deciding threads.
  Loop(const Shared& shared, std::size_t places, std::unique_ptr<store::ServedStore> store,
       Recorder recorder);

  /// Adds a group of connections, before the loop runs.
  ConnectionPool::Group add_group() { return pool_.add_group(); }

  /// Serves until it is stopped or has drained. Writes the log after each turn that answered
  /// requests.
  void run();

  /// Opens the connection of a client, in its place. `tls`: null for plain text. For the thread of
  /// the loop.
  void open(Client client, Placement::Place place, ConnectionPool::Group group,
            const std::shared_ptr<const TlsContext>& tls);

  /// Answers the requests that have arrived, and calls `drained` when that is done. For the thread
  /// of the loop.
  void drain(std::function<void()> drained);

  /// Ends `run` at once. For any thread.
  void stop() { context_.stop(); }

  /// For handlers that the thread of the loop is to run.
  [[nodiscard]] boost::asio::io_context& context() { return context_; }

 private:
  void run_context();
  void sweep();

  const Limits& limits_;
  BufferBudget& budget_;
  std::unique_ptr<store::ServedStore> store_;
  Recorder recorder_;
  boost::asio::io_context context_{1};  // must outlive the sockets of the connections
  ConnectionPool pool_;
  Dispatcher dispatcher_;
  boost::asio::steady_timer sweeper_{context_};
  std::optional<Connection::Clock::time_point> drain_until_;
  std::function<void()> drained_;
};

}  // namespace nexakey::server
