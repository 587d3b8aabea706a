#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <boost/asio/generic/stream_protocol.hpp>

#include "server/outbox.h"
#include "server/tls.h"

namespace nexakey::server {

/// The socket of a connection, with or without TLS. No function blocks: `await_input` and
/// `await_output` call their handler, with an error code, when the socket is ready.
class Channel {
 public:
  using Socket = boost::asio::generic::stream_protocol::socket;

  enum class Input {
    some,    ///< some bytes were read
    none,    ///< nothing is there yet
    ended,   ///< the client sends nothing more
    failed,  ///< the connection cannot be used
  };
  enum class Output {
    sent,     ///< all of it
    blocked,  ///< a part of it: the rest when the socket takes more
    failed,
  };

  /// `tls`: null for plain text. The socket must be non-blocking.
  Channel(Socket socket, std::unique_ptr<TlsSession> tls)
      : socket_(std::move(socket)), tls_(std::move(tls)) {}

  /// Appends what has arrived to `text`, at most 16 KiB at a time.
  Input read(std::string& text);
  /// Sends as much of `out` as the socket takes, at most about 64 KiB, so that other connections
  /// get their turn.
  Output send(Outbox& out);

  template <typename Handler>
  void await_input(Handler handler) {
    socket_.async_wait(Socket::wait_read, std::move(handler));
  }
  template <typename Handler>
  void await_output(Handler handler) {
    socket_.async_wait(Socket::wait_write, std::move(handler));
  }

  /// Whether bytes have arrived that have not been read.
  [[nodiscard]] bool has_input() const;
  /// Whether a TLS handshake has begun and is not done.
  [[nodiscard]] bool is_in_handshake() const { return tls_ && tls_->is_in_handshake(); }

  /// Closes the sending side.
  void end_output();
  /// Closes the socket, after close_notify if it has TLS.
  void close();

  /// The memory of what is encrypted and not sent, in bytes.
  [[nodiscard]] std::size_t held() const { return encrypted_.capacity(); }

 private:
  Output send_encrypted(Outbox& out);
  Output send_plain(Outbox& out);

  Socket socket_;
  std::unique_ptr<TlsSession> tls_;
  std::string encrypted_;  // by TLS, not sent yet
};

}  // namespace nexakey::server
