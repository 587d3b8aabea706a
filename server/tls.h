#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/error.h"
#include "server/libssl.h"

namespace nexakey::server {

/// Where a server's certificate lies: a chain, the server's own first, and its private key; PEM.
struct TlsFiles {
  std::string certificate;
  std::string key;
};

/// What a server shows of itself and how it speaks TLS: 1.2 with forward secrecy and authenticated
/// encryption, or 1.3; no renegotiation and no compression; `http/1.1` as the protocol (ALPN, RFC
/// 7301). Connections that began with one keep it when it has gone. For any number of threads.
class TlsContext {
 public:
  /// An error if a file can't be read, if the key is not the certificate's, is encrypted, or if
  /// everybody on the machine may read or write it.
  static core::Result<std::shared_ptr<const TlsContext>> load(const TlsFiles& files);

 private:
  friend class TlsSession;
  using Handle = std::unique_ptr<SSL_CTX, decltype(&::SSL_CTX_free)>;

  TlsContext(const LibSsl& library, Handle handle)
      : library_(&library), handle_(std::move(handle)) {}

  const LibSsl* library_;
  Handle handle_;
};

/// The server's end of one TLS connection, without I/O: bytes that came go in, bytes that have to
/// be sent come out.
class TlsSession {
 public:
  enum class State {
    open,    ///< during and after the handshake
    ended,   ///< the peer said that nothing more will come
    failed,  ///< nonsense came; what is in `out` tells the peer so
  };

  explicit TlsSession(const TlsContext& context);

  /// Takes what came. Adds what the peer says to `text`, and what has to be sent to `out`.
  State receive(std::string_view bytes, std::string& text, std::string& out);
  /// Adds `text` to `out`, encrypted. False: this connection can't be spoken on.
  bool send(std::string_view text, std::string& out);
  /// Adds the word that nothing more will come (close_notify) to `out`.
  void end(std::string& out);

  /// Whether the handshake is done.
  [[nodiscard]] bool is_established() const;
  /// Whether it has begun, and is not done.
  [[nodiscard]] bool is_in_handshake() const { return has_begun_ && !is_established(); }

 private:
  void take_output(std::string& out);

  const LibSsl* library_;
  std::unique_ptr<SSL, decltype(&::SSL_free)> handle_;
  BIO* incoming_;  // both are the handle's
  BIO* outgoing_;
  bool has_begun_ = false;
};

}  // namespace nexakey::server
