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
#include "server/recorder.h"
#include "server/resolved.h"
#include "server/service.h"
#include "server/threads.h"

namespace nexakey::server {

/// The connection that a request came from, and the number that it gave to the request.
struct Asker {
  std::shared_ptr<Connection> connection;
  std::uint64_t number = 0;
};

/// Routes the requests of a loop to what answers them, and the responses back:
///
/// - Refused requests and open routes: the loop answers them at once.
/// - /readyz: one question to the store answers all requests that wait.
/// - Requests whose token must be looked up: the tokens of a batch are looked up together.
/// - Requests that need decisions: the deciders answer them in batches.
/// - Requests with an ID token: it is verified on threads of their own, because an issuer may have
///   to be asked.
/// - Offloaded requests: the workers answer them, and another thread those of holders who look at
///   their keys.
///
/// Each has its own queue, so that requests without a valid token never take a place in those of
/// the deciders and workers. A store that blocks is asked by threads, any other by the loop
/// (`Limits::deciders`). The loops share all threads. Each deciding thread has its own part of the
/// keys, so that no two of a server wait for each other in the store.
///
/// For the thread of its loop only.
class Dispatcher {
 public:
  /// `store`: that of the loop; not used if there are deciding threads. The threads must have
  /// stopped before the dispatcher is destroyed.
  Dispatcher(boost::asio::io_context& context, const Service& service, Recorder& recorder,
             store::ServedStore* store, Threads& threads);

  /// Resolves a request by its head, without the store. Called once per request.
  [[nodiscard]] Resolved resolve(const RequestHead& head) const { return service_.resolve(head); }

  /// Looks up the token of a request before its body is read. Calls `then` on the loop with the
  /// same request, which has either the token or a refusal. Requires `resolved.needs_token()`.
  void admit(Resolved resolved, std::function<void(Resolved)> then);

  /// Answers a request: calls Connection::answer with its number, later and on the loop. Looks up
  /// the token first, unless `admit` did so within the last second.
  void run(Asker asker, HttpRequest request);

  /// Counts a response with this status to input that was not a valid request.
  void count_refusal(int status);
  void count_failed_handshake();
  /// Counts a connection that was closed because the buffer budget was exceeded.
  void count_out_of_buffers();

  /// How many requests wait for their response.
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

  void add_decider(Doer doer);
  void route(Waiting waiting);
  void answer_at_once(Waiting waiting);
  void offload(Waiting waiting);
  void identify(Admission admission);
  void finish_admissions(std::vector<Admission> batch, const Tokens& tokens);
  Decider& decider_of(const HttpRequest& request);
  void finish(const Waiting& waiting, HttpResponse response);
  void flush_soon();

  boost::asio::io_context& context_;
  const Service& service_;
  Recorder& recorder_;
  Threads& threads_;
  std::size_t in_work_ = 0;
  bool is_flush_due_ = false;
  Admissions admissions_;
  Probes probes_;
  std::deque<Decider> deciders_;  // one for each deciding thread, or that of the loop
};

}  // namespace nexakey::server
