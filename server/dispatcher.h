#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "server/connection.h"
#include "server/http.h"
#include "server/limits.h"
#include "server/service.h"
#include "server/workers.h"

namespace nexakey::server {

/// Who asked: a connection, and the number that it gave to the request.
struct Asker {
  std::shared_ptr<Connection> connection;
  std::uint64_t number = 0;
};

/// Has the requests of all connections answered: those that need decisions as batches, by the loop
/// itself or, if the store lets one wait, by threads; those that can take long by the workers.
///
/// Each deciding thread has its own part of the keys, and gets all that has come for it meanwhile
/// whenever it is done: so the batches grow with the load, and no two threads of a server wait for
/// each other in the store.
class Dispatcher {
 public:
  /// `flush` is called when the answers of a turn are given: for a log that is written in pieces.
  Dispatcher(boost::asio::io_context& context, Service& service, store::ServedStore& store,
             const OpenStore& open_store, const Limits& limits, std::function<void()> flush);

  /// Resolves a request by its head, without the store: once for each request.
  [[nodiscard]] Resolved resolve(const RequestHead& head) const { return service_.resolve(head); }
  void decide(Asker asker, HttpRequest request);
  void work(Asker asker, HttpRequest request);

  /// Something came that is no request, and was answered with this status.
  void count_refusal(int status);
  void count_failed_handshake();

  /// How many requests are in the hands of threads.
  [[nodiscard]] std::size_t in_work() const { return in_work_; }

 private:
  /// Requests that are answered together.
  struct Batch {
    std::vector<Asker> askers;
    std::vector<HttpRequest> requests;
  };
  /// A deciding thread, and what has come for it while it is busy.
  struct Decider {
    explicit Decider(const OpenStore& open_store) : thread(open_store, 1, 1) {}
    Batch waiting;
    bool is_busy = false;
    Workers thread;
  };

  void take_turn();
  Decider& decider_of(const HttpRequest& request);
  void begin(Decider& decider);
  void finish(const Batch& batch, Answers answers);
  void finish(const Asker& asker, const HttpRequest& request, HttpResponse response);

  boost::asio::io_context& context_;
  Service& service_;
  store::ServedStore& store_;
  std::function<void()> flush_;
  Batch ready_;
  std::size_t in_work_ = 0;
  // The last ones, because what they do uses the others.
  std::deque<Decider> deciders_;
  Workers workers_;
};

}  // namespace nexakey::server
