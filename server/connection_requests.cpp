#include <utility>

#include "server/connection.h"
#include "server/dispatcher.h"

/// The part of a connection that handles requests and responses.
namespace nexakey::server {
namespace {

/// The maximum number of gateway requests that are dispatched together.
constexpr std::size_t kMaxTogether = 64;
/// The longest body that is read without a valid token.
constexpr std::uint64_t kMaxUnadmittedBody = std::uint64_t{16} << 10U;

/// Whether a body is so short that it is read without a valid token.
bool is_short(const ReadHead& head) {
  return head.body_size.value_or(UINT64_MAX) <= kMaxUnadmittedBody;
}

HttpResponse refusal(int status) {
  HttpResponse response{.status = status};
  response.headers.emplace_back("Content-Type", "text/plain");
  response.body = "the request is refused\n";
  return response;
}

}  // namespace

/// Dispatches complete requests: one, or several of a gateway.
void Connection::take_requests() {
  while (state_ == State::head || state_ == State::body) {
    if (!(state_ == State::head ? take_head() : take_body())) {
      return;
    }
  }
}

/// Parses the head of the next request. False if it is incomplete or refused.
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

/// Decides by the head what happens to the body. Without a valid token, only a short body is read:
/// a long one waits until the token has been looked up, and is not read if there is none.
void Connection::begin_request(ReadHead read) {
  read.head.peer = peer_;
  resolved_ = dispatcher_.resolve(read.head);
  head_ = std::move(read);
  if (is_finishing_) {
    head_->persistence = Persistence::close;
  }
  if (resolved_.needs_token() && resolved_.reads_body() &&
      head_->body_size.value_or(0) <= limits_.body_bytes &&
      (!is_short(*head_) || head_->expects_continue)) {
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

/// Starts to read the body, or answers without it.
void Connection::begin_body() {
  if (resolved_.refusal && (!is_short(*head_) || head_->expects_continue)) {
    head_->persistence = Persistence::close;
    submit({});
    state_ = State::refused;
    return;
  }
  const bool is_read = resolved_.reads_body();
  const bool is_unadmitted = is_read && !is_short(*head_) && !resolved_.token;
  const std::uint64_t max = is_unadmitted ? kMaxUnadmittedBody : std::uint64_t{limits_.body_bytes};
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

/// Reads the body as far as it has arrived, and dispatches the complete request. Returns whether
/// another request may be taken now.
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

/// Dispatches the request, or holds it back until those before it are answered.
void Connection::submit(std::string body) {
  const bool is_offloaded = resolved_.is_offloaded();
  const Persistence persistence = head_->persistence;
  in_flight_ += body.capacity() + sizeof(HttpRequest);
  HttpRequest request{
      .head = std::move(head_->head), .resolved = std::move(resolved_), .body = std::move(body)};
  for (const auto& [name, value] : request.head.headers) {
    in_flight_ += name.size() + value.size();
  }
  head_.reset();
  begun_at_ = Clock::now();  // the next request did not begin earlier
  Pending& pending = pending_.emplace_back();
  pending.persistence = persistence;
  pending.has_body = request.head.method != "HEAD";
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
      return;  // the responses of a turn are sent together
    } else if (state_ == State::offloaded) {
      state_ = State::head;
    } else if (refusal_) {
      out_.add(refusal(*refusal_), date, Persistence::close, true);
    }
    send();
  });
}

}  // namespace nexakey::server
