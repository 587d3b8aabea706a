#include "server/connection.h"

#include <array>
#include <ctime>
#include <utility>

#include "server/dispatcher.h"

namespace nexakey::server {
namespace {

using boost::system::error_code;

/// How long the input of a refused client is read and discarded.
constexpr std::chrono::seconds kLingerTime{2};
/// The largest input buffer that an idle connection keeps.
constexpr std::size_t kMaxIdleBuffer = std::size_t{4} << 10U;

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

Connection::Connection(Channel channel, Peer peer, Placement::Place place, const Limits& limits,
                       BufferBudget& budget, Dispatcher& dispatcher, Closed closed)
    : channel_(std::move(channel)),
      peer_(peer),
      place_(std::move(place)),
      limits_(limits),
      dispatcher_(dispatcher),
      closed_(std::move(closed)),
      reader_(limits.header_bytes),
      share_(budget),
      begun_at_(Clock::now()),
      idle_since_(begun_at_),
      deadline_(begun_at_ + limits.head) {}

void Connection::check_budget() {
  if (state_ == State::closed) {
    return;
  }
  const std::size_t held =
      in_.capacity() + reader_.held() + in_flight_ + out_.held() + channel_.held();
  if (!share_.hold(held)) {
    dispatcher_.count_out_of_buffers();
    close();
  }
}

void Connection::start() { await_input(); }

void Connection::await_input() {
  channel_.await_input([self = shared_from_this()](const error_code& error) {
    if (!error) {
      self->guard([&] { self->read(); });
    }
  });
}

void Connection::read() {
  if (state_ == State::closed) {
    return;
  }
  if (is_idle()) {
    begun_at_ = Clock::now();
  }
  const auto input = channel_.read(in_);
  if (input == Channel::Input::failed) {
    close();
    return;
  }
  has_ended_ = input == Channel::Input::ended;
  if (state_ == State::lingering) {
    in_.clear();
    if (has_ended_) {
      close();
    } else {
      await_input();
    }
    return;
  }
  needs_more_ = in_.empty();
  send();  // TLS may have something to send
}

/// Sends as much as the client takes, and continues when all is sent.
void Connection::send() {
  const auto output = channel_.send(out_);
  if (output == Channel::Output::failed) {
    close();  // also if a file cannot be read: the client sees an incomplete body
    return;
  }
  if (output == Channel::Output::sent) {
    go_on();
    return;
  }
  deadline_ = Clock::now() + limits_.idle;
  channel_.await_output([self = shared_from_this()](const error_code& error) {
    if (!error && self->state_ != State::closed) {
      self->guard([&] { self->send(); });
    }
  });
}

/// Parses what has arrived or waits for more, once all responses are sent.
void Connection::go_on() {
  if (!pending_.empty() || state_ == State::admission) {
    return;
  }
  if (state_ == State::refused) {
    linger();
    return;
  }
  if (state_ == State::last) {
    if (in_.empty() && !channel_.has_input()) {
      close();
    } else {
      linger();
    }
    return;
  }
  in_flight_ = 0;
  if (!needs_more_) {
    take_requests();
    if (!pending_.empty() || (state_ != State::head && state_ != State::body)) {
      return;
    }
    if (!out_.is_empty()) {
      send();  // 100 Continue
      return;
    }
  }
  note_progress();
  if (has_ended_ || (is_finishing_ && is_idle() && !channel_.has_input())) {
    close();
  } else {
    await_input();
  }
}

/// Sets the deadline for more input.
void Connection::note_progress() {
  const auto now = Clock::now();
  if (state_ == State::body) {
    deadline_ = begun_at_ + limits_.request;
  } else if (!in_.empty() || reader_.has_begun()) {
    deadline_ = begun_at_ + limits_.head;
  } else if (answered_ > 0) {
    idle_since_ = now;
    begun_at_ = now;
    deadline_ = now + limits_.idle;
    if (in_.capacity() > kMaxIdleBuffer) {
      in_.shrink_to_fit();
    }
  }
}

bool Connection::is_idle() const {
  return state_ == State::head && in_.empty() && !reader_.has_begun() && pending_.empty() &&
         out_.is_empty();
}

/// Closing with unread input would reset the connection, and the client could lose the response
/// (RFC 9112, 9.6).
void Connection::linger() {
  state_ = State::lingering;
  deadline_ = Clock::now() + kLingerTime;
  channel_.end_output();
  await_input();
}

void Connection::finish() {
  is_finishing_ = true;
  if (is_idle() && !channel_.has_input() && !channel_.is_in_handshake()) {
    close();
  }
}

void Connection::close() {
  if (std::exchange(state_, State::closed) == State::closed) {
    return;
  }
  held_.reset();
  out_ = {};
  if (channel_.is_in_handshake()) {
    dispatcher_.count_failed_handshake();
  }
  channel_.close();
  static_cast<void>(share_.hold(0));
  place_.reset();
  closed_(shared_from_this());
}

}  // namespace nexakey::server
