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
#include "server/request_reader.h"
#include "server/resolved.h"

namespace nexakey::server {

class Dispatcher;

/// One client. Bytes come in, requests go to the dispatcher as soon as their heads are there, and
/// responses go back in the order of the requests.
///
/// A connection has one request in the hands of the dispatcher at a time, so that a client that
/// pipelines gets no larger share than others; only the short questions of a gateway go together.
/// Nothing is read while a response waits to be sent.
///
/// Memory that is not there, or that the budget refuses, ends the connection.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  using Clock = std::chrono::steady_clock;
  using Closed = std::function<void(const std::shared_ptr<Connection>&)>;

  /// `closed` is called once, when it is over. Limits, budget and dispatcher must outlive it.
  Connection(Channel channel, Peer peer, const Limits& limits, BufferBudget& budget,
             Dispatcher& dispatcher, Closed closed);

  void start();
  /// The response to the request that the dispatcher got with this number. `date` is the value of
  /// that header.
  void answer(std::uint64_t number, HttpResponse response, std::string_view date);
  void close();

  /// Answers no more requests than those that have begun to come; closes if there is none.
  void finish();

  /// Whether the client has taken too long to send a request or to fetch a response.
  [[nodiscard]] bool is_overdue(Clock::time_point now) const {
    return pending_.empty() && now >= deadline_;
  }
  /// Whether it waits for a request of which nothing has come.
  [[nodiscard]] bool is_idle() const;
  /// Whether a request is at the dispatcher, or a response is being sent.
  [[nodiscard]] bool is_answering() const { return !pending_.empty() || !out_.is_empty(); }
  /// Since when it has not finished a request.
  [[nodiscard]] Clock::time_point idle_since() const { return idle_since_; }

 private:
  /// What is done with the bytes that come.
  enum class State {
    head,       ///< the head of the next request is read
    admission,  ///< nothing: the token is being looked up whose request has a long body
    body,       ///< the body of `request_` is read
    offloaded,  ///< nothing: a request that can take long is being answered
    last,       ///< nothing: the connection closes when all responses are sent
    refused,    ///< the same, but what still comes is read and discarded for a moment
    lingering,  ///< they are discarded: everything is sent
    closed,
  };

  /// A request that waits for its response, or has it and waits for those before it.
  struct Pending {
    Persistence persistence = Persistence::keep_alive;
    bool has_body = true;  ///< of the response
    std::optional<HttpResponse> response{};
  };

  /// Runs a step of the connection, and closes it if there is no memory for that.
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
  const Limits& limits_;
  Dispatcher& dispatcher_;
  Closed closed_;
  RequestReader reader_;
  BufferBudget::Share share_;

  State state_ = State::head;
  std::string in_;  // what has come and is not taken yet
  Outbox out_;
  std::optional<ReadHead> head_;  // of the request whose body is read
  Resolved resolved_;             // of the same
  std::deque<Pending> pending_;
  std::uint64_t answered_ = 0;       // the number of the first request in `pending_`
  std::size_t in_flight_ = 0;        // bytes of the requests that are pending
  std::optional<HttpRequest> held_;  // to be offloaded after the responses before its own
  std::optional<int> refusal_;       // to be sent after all of `pending_`

  Clock::time_point begun_at_;  // the request that comes
  Clock::time_point idle_since_;
  Clock::time_point deadline_;
  bool needs_more_ = true;     // all of `in_` is a part of a head or body
  bool has_ended_ = false;     // the client sends nothing more
  bool is_finishing_ = false;  // the server ends
};

/// The `Date` of now (RFC 9110, 5.6.7).
std::string http_date();

}  // namespace nexakey::server
