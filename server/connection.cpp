#include "server/connection.h"

#include <array>
#include <ctime>
#include <utility>

#include <boost/asio/buffer.hpp>

#include "server/dispatcher.h"

namespace nexakey::server {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr std::size_t kReadSize = std::size_t{64} << 10U;
/// How many pipelined requests of one connection are taken in one turn.
constexpr std::size_t kMaxPipelined = 64;
/// How long what a refused client still sends is thrown away.
constexpr std::chrono::seconds kLingerTime{2};

HttpResponse refusal(int status) {
  HttpResponse response{.status = status};
  response.headers.emplace_back("Content-Type", "text/plain");
  response.body = "the request is refused\n";
  return response;
}

}  // namespace

std::string http_date() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  std::array<char, 32> text{};
  const std::size_t length =
      std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return {text.data(), length};
}

Connection::Connection(Socket socket, std::unique_ptr<TlsSession> tls, const Peer& peer,
                       const Limits& limits, Dispatcher& dispatcher,
                       std::function<void(const std::shared_ptr<Connection>&)> closed)
    : socket_(std::move(socket)),
      tls_(std::move(tls)),
      peer_(peer),
      limits_(limits),
      reader_(limits),
      dispatcher_(dispatcher),
      closed_(std::move(closed)),
      deadline_(Clock::now() + limits.idle) {}

void Connection::await_input() {
  socket_.async_wait(Socket::wait_read, [self = shared_from_this()](const error_code& error) {
    if (!error) {
      self->read();
    }
  });
}

void Connection::read() {
  std::array<char, kReadSize> buffer;  // NOLINT(*-member-init): it is written before it is read
  error_code error;
  const std::size_t count = socket_.read_some(asio::buffer(buffer), error);
  if (error == asio::error::would_block) {
    await_input();
    return;
  }
  if (error) {
    close();
    return;
  }
  if (is_lingering_) {
    await_input();
  } else if (tls_) {
    receive({buffer.data(), count});
  } else {
    in_.append(buffer.data(), count);
    go_on();
  }
}

/// Takes what came of TLS; what that has to say itself goes out before anything else.
void Connection::receive(std::string_view bytes) {
  const auto state = tls_->receive(bytes, in_, wire_);
  if (state == TlsSession::State::failed) {
    close();
    return;
  }
  has_ended_ = state == TlsSession::State::ended;
  if (wire_.empty()) {
    go_on();
  } else {
    write();
  }
}

/// Takes what is whole of what has come; waits for more if there is nothing to answer.
void Connection::go_on() {
  parse();
  if (reader_.has_begun() && !std::exchange(has_begun_, true)) {
    deadline_ = Clock::now() + limits_.request;
  }
  if (!pending_.empty() || is_last_ || is_closed_) {
    return;
  }
  if (has_ended_) {
    close();
  } else if (reader_.expects_continue()) {
    out_ += "HTTP/1.1 100 Continue\r\n\r\n";
    write();
  } else {
    await_input();
  }
}

/// Takes all requests that are whole.
void Connection::parse() {
  while (!in_.empty() && takes_more_ && !is_last_ && pending_.size() < kMaxPipelined) {
    auto read = reader_.read(in_);
    if (!read) {
      refuse(read.error());
      return;
    }
    if (!*read) {
      return;
    }
    take(**std::move(read));
  }
}

void Connection::refuse(int status) {
  is_last_ = true;
  is_refused_ = true;
  dispatcher_.count_refusal(status);
  append_response(last_words_, refusal(status), http_date(), false, true);
  if (pending_.empty()) {
    write();
  }
}

void Connection::take(ReadRequest read) {
  has_begun_ = false;
  read.head.peer = peer_;
  Resolved resolved = dispatcher_.resolve(read.head);
  HttpRequest request{
      .head = std::move(read.head), .resolved = std::move(resolved), .body = std::move(read.body)};
  is_last_ = !read.keep_alive || is_finishing_;
  pending_.push_back({.keep_alive = !is_last_, .has_body = request.head.method != "HEAD"});
  if (!request.resolved.is_offloaded()) {
    dispatcher_.run({shared_from_this(), answered_ + pending_.size() - 1}, std::move(request));
    return;
  }
  takes_more_ = false;
  if (pending_.size() == 1) {
    dispatcher_.run({shared_from_this(), answered_}, std::move(request));
  } else {
    slow_ = std::move(request);
  }
}

void Connection::answer(std::uint64_t number, HttpResponse response, std::string_view date) {
  pending_[number - answered_].response = std::move(response);
  if (number != answered_) {
    return;
  }
  for (; !pending_.empty() && pending_.front().response; ++answered_, pending_.pop_front()) {
    say(pending_.front(), date);
  }
  if (is_closed_) {
    return;
  }
  if (pending_.empty()) {
    takes_more_ = true;
  } else if (pending_.size() > 1 || !slow_) {
    return;  // the answers of one turn go out together
  } else {
    dispatcher_.run({shared_from_this(), answered_}, *std::exchange(slow_, std::nullopt));
  }
  write();
}

void Connection::say(const Pending& answered, std::string_view date) {
  append_response(out_, *answered.response, date, answered.keep_alive, answered.has_body);
  if (answered.response->file && answered.has_body) {
    // Of a slow request: nothing else is to be answered now.
    rest_ = Rest{.file = answered.response->file};
  }
}

void Connection::write() {
  if (is_writing_) {
    return;
  }
  if (pending_.empty()) {
    out_ += std::exchange(last_words_, {});
  }
  if (wire_.empty() && !take_piece()) {
    close();  // so that the client sees that it is not whole
    return;
  }
  if (tls_) {
    tls_->send(out_, wire_);
    out_.clear();
  } else {
    wire_ += std::exchange(out_, {});
  }
  error_code error;
  const std::size_t count = socket_.write_some(asio::buffer(wire_), error);
  if (error && error != asio::error::would_block) {
    close();
    return;
  }
  wire_.erase(0, count);
  if (!has_begun_) {
    deadline_ = Clock::now() + limits_.idle;
  }
  if (!wire_.empty() || rest_) {
    is_writing_ = true;
    socket_.async_wait(Socket::wait_write, [self = shared_from_this()](const error_code& failed) {
      self->is_writing_ = false;
      if (!failed) {
        self->write();
      }
    });
    return;
  }
  if (!pending_.empty()) {
    return;
  }
  if (is_refused_) {
    linger();
    return;
  }
  if (is_last_) {
    close();
    return;
  }
  go_on();  // with what was pipelined behind the requests of the last turn
}

/// Adds the next piece of a long body, if there is one, to what is to be said: one for each turn,
/// so that the other connections have theirs. False: it can't be read.
bool Connection::take_piece() {
  if (!rest_) {
    return true;
  }
  const std::string piece = rest_->file->read(rest_->sent, kReadSize);
  out_ += piece;
  rest_->sent += piece.size();
  if (rest_->sent == rest_->file->size()) {
    rest_.reset();
  } else if (piece.empty()) {
    return false;
  }
  return true;
}

/// Closing while something has come that was not read would reset the connection, and with it take
/// away the answer that the client has not read yet.
void Connection::linger() {
  error_code ignored;
  is_lingering_ = true;
  deadline_ = Clock::now() + kLingerTime;
  socket_.shutdown(Socket::shutdown_send, ignored);
  await_input();
}

void Connection::finish() {
  is_finishing_ = true;
  error_code error;
  const bool has_greeted = !tls_ || tls_->is_established();
  const bool is_idle = in_.empty() && !reader_.has_begun() && socket_.available(error) == 0 &&
                       pending_.empty() && wire_.empty() && !rest_ && has_greeted;
  if (is_idle) {
    close();
  }
}

void Connection::close() {
  if (std::exchange(is_closed_, true)) {
    return;
  }
  is_last_ = true;
  slow_.reset();
  rest_.reset();
  error_code ignored;
  if (tls_) {
    if (tls_->is_greeting()) {
      dispatcher_.count_failed_handshake();
    }
    tls_->end(wire_);
    socket_.write_some(asio::buffer(wire_), ignored);
  }
  socket_.shutdown(Socket::shutdown_both, ignored);
  socket_.close(ignored);
  closed_(shared_from_this());
}

}  // namespace nexakey::server
