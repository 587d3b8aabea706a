#include "server/connection.h"

#include <array>
#include <ctime>
#include <utility>

#include <boost/asio/buffer.hpp>

#include "server/dispatcher.h"

namespace nexakey::server {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;

constexpr std::size_t kReadSize = std::size_t{64} << 10U;
/// How many pipelined requests of one connection are taken in one turn.
constexpr std::size_t kMostPipelined = 64;

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

Connection::Connection(Socket socket, const Peer& peer, const Limits& limits,
                       Dispatcher& dispatcher,
                       std::function<void(const std::shared_ptr<Connection>&)> closed)
    : socket_(std::move(socket)),
      peer_(peer),
      limits_(limits),
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
  in_.append(buffer.data(), count);
  go_on();
}

/// Takes what is whole of what has come; waits for more if there is nothing to answer.
void Connection::go_on() {
  parse();
  if (pending_.empty() && !is_last_ && !is_closed_) {
    await_input();
  }
}

/// Takes all requests that are whole.
void Connection::parse() {
  while (!in_.empty() && takes_more_ && !is_last_ && pending_.size() < kMostPipelined) {
    if (!parser_) {
      parser_.emplace();
      parser_->eager(true);
      parser_->header_limit(static_cast<std::uint32_t>(limits_.header_bytes));
      parser_->body_limit(limits_.body_bytes);
    }
    error_code error;
    const std::size_t used = parser_->put(asio::buffer(in_), error);
    in_.erase(0, used);
    if (error == http::error::need_more) {
      return;
    }
    if (error) {
      refuse(error);
      return;
    }
    if (parser_->is_done()) {
      take();
    }
  }
}

void Connection::refuse(const error_code& error) {
  const int status = error == http::error::header_limit ? 431
                     : error == http::error::body_limit ? 413
                                                        : 400;
  is_last_ = true;
  append_response(last_words_, refusal(status), http_date(), false, true);
  if (pending_.empty()) {
    write();
  }
}

void Connection::take() {
  auto message = parser_->release();
  parser_.reset();
  HttpRequest request;
  request.method = message.method_string();
  request.target = message.target();
  for (const auto& field : message) {
    request.headers.emplace_back(field.name_string(), field.value());
  }
  request.body = std::move(message.body());
  request.peer = peer_;
  is_last_ = !message.keep_alive() || is_finishing_;
  pending_.push_back({.keep_alive = !is_last_, .has_body = request.method != "HEAD"});
  if (!Dispatcher::is_slow(request)) {
    dispatcher_.decide(shared_from_this(), std::move(request));
    return;
  }
  takes_more_ = false;
  if (pending_.size() == 1) {
    dispatcher_.work(shared_from_this(), std::move(request));
  } else {
    slow_ = std::move(request);
  }
}

void Connection::answer(const HttpResponse& response, std::string_view date) {
  const Pending pending = pending_.front();
  pending_.pop_front();
  if (is_closed_) {
    return;
  }
  append_response(out_, response, date, pending.keep_alive, pending.has_body);
  if (pending_.empty()) {
    takes_more_ = true;
  } else if (pending_.size() > 1 || !slow_) {
    return;  // the answers of one turn go out together
  } else {
    dispatcher_.work(shared_from_this(), *std::exchange(slow_, std::nullopt));
  }
  write();
}

void Connection::write() {
  if (is_writing_) {
    return;
  }
  if (pending_.empty()) {
    out_ += std::exchange(last_words_, {});
  }
  error_code error;
  const std::size_t count = socket_.write_some(asio::buffer(out_), error);
  if (error && error != asio::error::would_block) {
    close();
    return;
  }
  out_.erase(0, count);
  deadline_ = Clock::now() + limits_.idle;
  if (!out_.empty()) {
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
  if (is_last_) {
    close();
    return;
  }
  go_on();  // with what was pipelined behind the requests of the last turn
}

void Connection::finish() {
  is_finishing_ = true;
  error_code error;
  const bool is_idle =
      in_.empty() && !parser_ && socket_.available(error) == 0 && pending_.empty() && out_.empty();
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
  error_code ignored;
  socket_.shutdown(Socket::shutdown_both, ignored);
  socket_.close(ignored);
  closed_(shared_from_this());
}

}  // namespace nexakey::server
