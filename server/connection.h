#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <string_view>

#include "server/buffer_budget.h"
#include "server/channel.h"
#include "server/http.h"
#include "server/limits.h"
#include "server/outbox.h"
#include "server/placement.h"
#include "server/request_reader.h"
#include "server/resolved.h"

namespace nexakey::server {

class Dispatcher;

/// The connection of one client: reads requests, hands them to the dispatcher, and sends the
/// responses in the order of the requests.
///
/// Requests are dispatched one at a time, so that a client that pipelines gets no larger share than
/// others. Only gateway requests, which are short, are dispatched together. Nothing is read while a
/// response waits to be sent.
///
/// The connection is closed if an allocation fails or the buffer budget is exceeded. It belongs to
/// one loop, whose thread calls all its member functions.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  using Clock = std::chrono::steady_clock;
  using Closed = std::function<void(const std::shared_ptr<Connection>&)>;

  /// Leaves its place when it is closed, and calls `closed` once. Limits, budget and dispatcher
  /// must outlive the connection.
  Connection(Channel channel, Peer peer, Placement::Place place, const Limits& limits,
             BufferBudget& budget, Dispatcher& dispatcher, Closed closed);

  void start();
  /// Sends the response to the request that was dispatched with this number. `date`: the value of
  /// the Date header.
  void answer(std::uint64_t number, HttpResponse response, std::string_view date);
  void close();

  /// Answers the requests that have begun to arrive, then closes; closes at once if there are none.
  void finish();

  /// Whether the client has taken too long to send a request or to read a response.
  [[nodiscard]] bool is_overdue(Clock::time_point now) const {
    return pending_.empty() && now >= deadline_;
  }
  /// Whether it waits for a request that has not begun to arrive.
  [[nodiscard]] bool is_idle() const;
  /// Whether a request has been dispatched or a response is being sent.
  [[nodiscard]] bool is_answering() const { return !pending_.empty() || !out_.is_empty(); }
  /// When it last finished a request.
  [[nodiscard]] Clock::time_point idle_since() const { return idle_since_; }

 private:
  /// What happens to the bytes that arrive.
  enum class State {
    head,       ///< they are read as the head of the next request
    admission,  ///< nothing is read: the token of a request with a long body is being looked up
    body,       ///< they are read as the body of the request
    offloaded,  ///< nothing is read: a worker is answering
    last,       ///< nothing is read: the connection closes when all responses are sent
    refused,    ///< as `last`, but the connection lingers before it closes
    lingering,  ///< they are discarded: all responses are sent
    closed,
  };

  /// A request whose response is not ready, or waits for those before it.
  struct Pending {
    Persistence persistence = Persistence::keep_alive;
    bool has_body = true;  ///< of the response
    std::optional<HttpResponse> response{};
  };

  /// Runs a step of the connection, and closes it if memory runs out.
  template <typename Work>
  void guard(const Work& work) {
    try {
      work();
      check_budget();
    } catch (const std::bad_alloc&) {
      close();
    }
  }

  // connection.cpp: bytes in and out
  void await_input();
  void read();
  void send();
  void go_on();
  void linger();
  void check_budget();
  void note_progress();

  // connection_requests.cpp: requests in, responses out
  void take_requests();
  bool take_head();
  bool take_body();
  void begin_request(ReadHead read);
  void begin_body();
  void admitted(Resolved resolved);
  void submit(std::string body);
  void refuse(int status);

  Channel channel_;
  Peer peer_;
  Placement::Place place_;
  const Limits& limits_;
  Dispatcher& dispatcher_;
  Closed closed_;
  RequestReader reader_;
  BufferBudget::Share share_;

  State state_ = State::head;
  std::string in_;  // received, not parsed yet
  Outbox out_;
  std::optional<ReadHead> head_;  // of the request whose body is being read
  Resolved resolved_;             // of the same
  std::deque<Pending> pending_;
  std::uint64_t answered_ = 0;       // the number of the first request in `pending_`
  std::size_t in_flight_ = 0;        // bytes of the requests that are pending
  std::optional<HttpRequest> held_;  // to be offloaded when those before it are answered
  std::optional<int> refusal_;       // to be sent after all of `pending_`

  Clock::time_point begun_at_;  // when the current request began to arrive
  Clock::time_point idle_since_;
  Clock::time_point deadline_;
  bool needs_more_ = true;     // `in_` ends within a head or body
  bool has_ended_ = false;     // the client sends nothing more
  bool is_finishing_ = false;  // the server is shutting down
};

/// The current time as the value of a Date header (RFC 9110, 5.6.7).
std::string http_date();

}  // namespace nexakey::server
