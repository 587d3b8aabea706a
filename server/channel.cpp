#include "server/channel.h"

#include <array>
#include <optional>

#include <boost/asio/buffer.hpp>

namespace nexakey::server {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr std::size_t kReadSize = std::size_t{16} << 10U;
constexpr std::size_t kMaxSentAtOnce = std::size_t{64} << 10U;

/// How many bytes the socket takes: 0 if it takes none now; nothing if the connection has failed.
std::optional<std::size_t> write_some(Channel::Socket& socket, std::string_view bytes) {
  error_code error;
  const std::size_t count = socket.write_some(asio::buffer(bytes), error);
  if (error == asio::error::would_block) {
    return 0;
  }
  return error ? std::nullopt : std::optional(count);
}

}  // namespace

Channel::Input Channel::read(std::string& text) {
  std::array<char, kReadSize> buffer;  // NOLINT(*-member-init): it is written before it is read
  error_code error;
  const std::size_t count = socket_.read_some(asio::buffer(buffer), error);
  if (error == asio::error::would_block) {
    return Input::none;
  }
  if (error) {
    return error == asio::error::eof ? Input::ended : Input::failed;
  }
  if (!tls_) {
    text.append(buffer.data(), count);
    return Input::some;
  }
  switch (tls_->receive({buffer.data(), count}, text, encrypted_)) {
    case TlsSession::State::open:
      return Input::some;
    case TlsSession::State::ended:
      return Input::ended;
    case TlsSession::State::failed:
      break;
  }
  return Input::failed;
}

Channel::Output Channel::send(Outbox& out) { return tls_ ? send_encrypted(out) : send_plain(out); }

Channel::Output Channel::send_plain(Outbox& out) {
  std::size_t sent = 0;
  while (!out.is_empty()) {
    const std::string_view bytes = out.front();
    const auto count = bytes.empty() ? std::nullopt : write_some(socket_, bytes);
    if (!count) {
      return Output::failed;
    }
    out.remove(*count);
    sent += *count;
    if (*count < bytes.size() || (sent >= kMaxSentAtOnce && !out.is_empty())) {
      return Output::blocked;
    }
  }
  return Output::sent;
}

Channel::Output Channel::send_encrypted(Outbox& out) {
  std::size_t sent = 0;
  for (;;) {
    if (encrypted_.empty() && !out.is_empty()) {
      const std::string_view text = out.front().substr(0, kMaxTlsRecord);
      if (text.empty() || !tls_->send(text, encrypted_)) {
        return Output::failed;
      }
      out.remove(text.size());
    }
    if (encrypted_.empty()) {
      encrypted_.shrink_to_fit();  // an idle connection needs no memory
      return Output::sent;
    }
    const auto count = write_some(socket_, encrypted_);
    if (!count) {
      return Output::failed;
    }
    encrypted_.erase(0, *count);
    sent += *count;
    if (!encrypted_.empty() || sent >= kMaxSentAtOnce) {
      return encrypted_.empty() && out.is_empty() ? Output::sent : Output::blocked;
    }
  }
}

bool Channel::has_input() const {
  error_code error;
  return socket_.available(error) != 0;
}

void Channel::end_output() {
  error_code ignored;
  socket_.shutdown(Socket::shutdown_send, ignored);
}

void Channel::close() {
  error_code ignored;
  if (tls_) {
    tls_->end(encrypted_);
    socket_.write_some(asio::buffer(encrypted_), ignored);
  }
  socket_.shutdown(Socket::shutdown_both, ignored);
  socket_.close(ignored);
}

}  // namespace nexakey::server
