#include <utility>

#include "server/connection.h"
#include "server/dispatcher.h"

/// The part of a connection that deals in requests and responses.
namespace nexakey::server {
namespace {

/// How many questions of a gateway are taken together.
constexpr std::size_t kMaxTogether = 64;
/// The longest body that is read before anybody has shown a token.
constexpr std::uint64_t kMaxUnadmittedBody = std::uint64_t{16} << 10U;

HttpResponse refusal(int status) {
  HttpResponse response{.status = status};
  response.headers.emplace_back("Content-Type", "text/plain");
  response.body = "the request is refused\n";
  return response;
}

}  // namespace

/// Takes the requests that are whole: one, or several questions of a gateway.
void Connection::take_requests() {
  while (state_ == State::head || state_ == State::body) {
    if (!(state_ == State::head ? take_head() : take_body())) {
      return;
    }
  }
}

/// Takes the head of the next request. False if no other one may be taken now.
bool Connection::take_head() {
  auto read = reader_.read_head(in_);
  if (!read) {
    refuse(read.error());
    return false;
  }
  if (!*read) {
    needs_more_ = true;
    return false;
  }
  begin_request(**std::move(read));
  return true;
}

/// Decides by the head what becomes of the body. That of a stranger is read only if it is short:
/// a long one has to wait until the token is found, and is discarded if there is none.
void Connection::begin_request(ReadHead read) {
  read.head.peer = peer_;
  resolved_ = dispatcher_.resolve(read.head);
  head_ = std::move(read);
  if (is_finishing_) {
    head_->persistence = Persistence::close;
  }
  const bool is_short = head_->body_size.value_or(UINT64_MAX) <= kMaxUnadmittedBody;
  if (!resolved_.refusal && resolved_.needs_token() && resolved_.reads_body() &&
      head_->body_size.value_or(0) <= limits_.body_bytes &&
      (!is_short || head_->expects_continue)) {
    state_ = State::admission;
    dispatcher_.admit(std::move(resolved_), [self = shared_from_this()](Resolved resolved) {
      self->guard([&] { self->admitted(std::move(resolved)); });
    });
    return;
  }
  begin_body();
}

void Connection::admitted(Resolved resolved) {
  if (state_ != State::admission) {
    return;  // closed
  }
  resolved_ = std::move(resolved);
  begin_body();
  needs_more_ = in_.empty();
  send();
}

/// Has the body read, or answers without it.
void Connection::begin_body() {
  const bool is_short = head_->body_size.value_or(UINT64_MAX) <= kMaxUnadmittedBody;
  if (resolved_.refusal && (!is_short || head_->expects_continue)) {
    head_->persistence = Persistence::close;
    submit({});
    state_ = State::refused;
    return;
  }
  const bool is_read = !resolved_.refusal && resolved_.reads_body();
  const bool is_stranger = is_read && !is_short && !resolved_.token;
  const std::uint64_t max = is_stranger ? kMaxUnadmittedBody : std::uint64_t{limits_.body_bytes};
  if (head_->body_size.value_or(0) > max) {
    refuse(413);
    return;
  }
  if (head_->expects_continue && in_.empty()) {
    out_.add_continue();
  }
  reader_.begin_body(max, is_read ? BodyUse::keep : BodyUse::discard);
  state_ = State::body;
}

/// Takes what has come of the body. False if no other request may be taken now.
bool Connection::take_body() {
  const auto is_whole = reader_.read_body(in_);
  if (!is_whole) {
    refuse(is_whole.error());
    return false;
  }
  if (!*is_whole) {
    needs_more_ = true;
    return false;
  }
  const bool is_question = resolved_.asked.has_value();
  submit(reader_.take_body());
  needs_more_ = in_.empty();
  return is_question && !needs_more_ && pending_.size() < kMaxTogether;
}

/// Hands the request over, or holds it back until those before it are answered.
void Connection::submit(std::string body) {
  const bool is_offloaded = resolved_.is_offloaded() && !resolved_.refusal;
  const Persistence persistence = head_->persistence;
  in_flight_ += body.capacity() + sizeof(HttpRequest);
  HttpRequest request{
      .head = std::move(head_->head), .resolved = std::move(resolved_), .body = std::move(body)};
  for (const auto& [name, value] : request.head.headers) {
    in_flight_ += name.size() + value.size();
  }
  head_.reset();
  begun_at_ = Clock::now();  // no byte of the next request came earlier
  pending_.push_back({.persistence = persistence, .has_body = request.head.method != "HEAD"});
  state_ = persistence == Persistence::close ? State::last
           : is_offloaded                    ? State::offloaded
                                             : State::head;
  if (is_offloaded && pending_.size() > 1) {
    held_ = std::move(request);
  } else {
    dispatcher_.run({shared_from_this(), answered_ + pending_.size() - 1}, std::move(request));
  }
}

void Connection::refuse(int status) {
  dispatcher_.count_refusal(status);
  state_ = State::refused;
  refusal_ = status;
  if (pending_.empty()) {
    out_.add(refusal(status), http_date(), Persistence::close, true);
    send();
  }
}

void Connection::answer(std::uint64_t number, HttpResponse response, std::string_view date) {
  guard([&] {
    if (state_ == State::closed) {
      return;
    }
    pending_[number - answered_].response = std::move(response);
    if (number != answered_) {
      return;
    }
    for (; !pending_.empty() && pending_.front().response; ++answered_, pending_.pop_front()) {
      auto& [persistence, has_body, ready] = pending_.front();
      if (is_finishing_ && pending_.size() == 1 && in_.empty() && !reader_.has_begun()) {
        persistence = Persistence::close;
        state_ = State::last;
      }
      out_.add(*std::move(ready), date, persistence, has_body);
    }
    if (pending_.size() == 1 && held_) {
      dispatcher_.run({shared_from_this(), answered_}, *std::exchange(held_, std::nullopt));
    } else if (!pending_.empty()) {
      return;  // the responses to a turn go out together
    } else if (state_ == State::offloaded) {
      state_ = State::head;
    } else if (refusal_) {
      out_.add(refusal(*refusal_), date, Persistence::close, true);
    }
    send();
  });
}

}  // namespace nexakey::server
