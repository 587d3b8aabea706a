#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <boost/asio/generic/stream_protocol.hpp>

#include "server/http.h"
#include "server/limits.h"
#include "server/request_reader.h"
#include "server/resolved.h"
#include "server/tls.h"

namespace nexakey::server {

class Dispatcher;

/// One client, as the loop has it: bytes in, requests out to the dispatcher, and the answers back
/// in their order, in which the answers need not come. Quick requests are taken as they come; what
/// is slow is begun when all before it is answered, and nothing behind it is taken before its own
/// answer is there.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  using Clock = std::chrono::steady_clock;
  using Socket = boost::asio::generic::stream_protocol::socket;

  /// Speaks TLS with a session, plainly without. `closed` is called once, when it is over. Limits
  /// and dispatcher have to outlive it.
  Connection(Socket socket, std::unique_ptr<TlsSession> tls, const Peer& peer, const Limits& limits,
             Dispatcher& dispatcher,
             std::function<void(const std::shared_ptr<Connection>&)> closed);

  void start() { await_input(); }
  /// The answer to the request that the dispatcher got with this number. `date` is the value of
  /// that header.
  void answer(std::uint64_t number, HttpResponse response, std::string_view date);
  void close();

  /// Takes no request more than what has begun to come; closes if there is none.
  void finish();
  /// Whether the client has taken too long to send a request or to fetch an answer.
  [[nodiscard]] bool is_overdue(Clock::time_point now) const {
    return pending_.empty() && now >= deadline_;
  }

 private:
  /// A body that is still to be sent, behind all that is in `out_`.
  struct Rest {
    std::shared_ptr<const BodyFile> file;
    std::uint64_t sent = 0;
  };

  /// A request that waits for its answer, or has it, and waits for those before it.
  struct Pending {
    bool keep_alive = true;
    bool has_body = true;
    std::optional<HttpResponse> response{};
  };

  void await_input();
  void read();
  void receive(std::string_view bytes);
  void parse();
  void take(ReadRequest read);
  void refuse(int status);
  void say(const Pending& answered, std::string_view date);
  void write();
  bool take_piece();
  void go_on();
  void linger();

  Socket socket_;
  std::unique_ptr<TlsSession> tls_;
  Peer peer_;
  const Limits& limits_;
  RequestReader reader_;
  Dispatcher& dispatcher_;
  std::function<void(const std::shared_ptr<Connection>&)> closed_;
  std::string in_;            // what has come and is not parsed yet
  std::string out_;           // what is to be said
  std::optional<Rest> rest_;  // what is to be said behind it
  std::string wire_;          // what is to be sent: the same or, with TLS, what became of it
  std::string last_words_;    // behind the answers that are still to come
  std::deque<Pending> pending_;
  std::uint64_t answered_ = 0;       // requests: the number of the first one that is pending
  std::optional<HttpRequest> slow_;  // waits for the answers before its own
  Clock::time_point deadline_;
  bool has_begun_ = false;  // a request, that is not whole yet
  bool has_ended_ = false;  // nothing more will come
  bool is_writing_ = false;
  bool takes_more_ = true;  // false behind a slow request
  bool is_last_ = false;    // what comes behind the requests that are there is not answered
  bool is_finishing_ = false;
  bool is_refused_ = false;    // what came was no request
  bool is_lingering_ = false;  // everything is said, and what still comes is thrown away
  bool is_closed_ = false;
};

/// The `Date` of now (RFC 9110, 5.6.7).
std::string http_date();

}  // namespace nexakey::server
