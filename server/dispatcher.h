#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "server/batch_queue.h"
#include "server/connection.h"
#include "server/limits.h"
#include "server/resolved.h"
#include "server/service.h"
#include "server/workers.h"

namespace nexakey::server {

/// A connection, and the number that it gave to a request.
struct Asker {
  std::shared_ptr<Connection> connection;
  std::uint64_t number = 0;
};

/// Brings the requests of all connections to what answers them, and the responses back:
///
///   refused, open routes   the loop, at once
///   /readyz                probes: one question to the store answers all who wait
///   token needed           admissions: the tokens of a batch are looked up together, then run
///   again decisions              deciders, in batches offloaded              workers
///
/// Each of these has a queue of its own, so that requests without a valid token never wait in that
/// of the decisions or of the workers, and open routes wait in none. A store that has to be waited
/// for is asked by threads, else by the loop. Each deciding thread has its own part of the keys, so
/// that no two threads of a server wait for each other in the store.
class Dispatcher {
 public:
  /// `flush` is called when the answers of a turn are given: for a log that is written in pieces.
  Dispatcher(boost::asio::io_context& context, Service& service, store::ServedStore& store,
             const OpenStore& open_store, const Limits& limits, std::function<void()> flush);

  /// Resolves a request by its head, without the store: once for each request.
  [[nodiscard]] Resolved resolve(const RequestHead& head) const { return service_.resolve(head); }

  /// Looks the token of a request up whose body is still to come; `then` is called on the loop with
  /// what became of it: with the token, or with a refusal. Needs `resolved.needs_token()`.
  void admit(Resolved resolved, std::function<void(Resolved)> then);

  /// Has a request answered: Connection::answer is called with its number, later and on the loop.
  /// Looks the token up first, if `admit` has not done so within the last second.
  void run(Asker asker, HttpRequest request);

  /// Counts what was answered with this status because it was not a request.
  void count_refusal(int status);
  void count_failed_handshake();
  /// Counts a connection that was closed because the buffers of all were full.
  void count_out_of_buffers();

  /// How many requests wait for their answer.
  [[nodiscard]] std::size_t in_work() const { return in_work_; }

 private:
  /// A token to look up, and what is to be done with the result.
  struct Admission {
    Resolved resolved;
    std::function<void(Resolved)> then;
  };
  struct Waiting {
    Asker asker;
    HttpRequest request;
  };
  using Tokens = core::Result<std::vector<std::optional<core::Token>>>;
  using Admissions = BatchQueue<Admission, Tokens>;
  using Probes = BatchQueue<Waiting, HttpResponse>;
  using Decider = BatchQueue<Waiting, Answers>;

  void route(Waiting waiting);
  void answer_at_once(Waiting waiting);
  void offload(Waiting waiting);
  void finish_admissions(std::vector<Admission> batch, const Tokens& tokens);
  Decider& decider_of(const HttpRequest& request);
  void finish(const Waiting& waiting, HttpResponse response);
  void flush_soon();

  boost::asio::io_context& context_;
  Service& service_;
  std::function<void()> flush_;
  std::size_t in_work_ = 0;
  bool is_flush_due_ = false;
  // The last ones, because what they do uses the others.
  Admissions admissions_;
  Probes probes_;
  std::deque<Decider> deciders_;
  Workers workers_;
};

}  // namespace nexakey::server
