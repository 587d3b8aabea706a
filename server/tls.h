#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "core/error.h"
#include "server/libssl.h"

namespace nexakey::server {

/// The maximum size of the plaintext of a record, in bytes (RFC 8446, 5.1).
inline constexpr std::size_t kMaxTlsRecord = std::size_t{16} << 10U;

/// The paths of a server's PEM files: its certificate chain, its own certificate first, and its
/// private key.
struct TlsFiles {
  std::string certificate;
  std::string key;
};

/// A server's certificate and its settings for TLS: version 1.2 with forward secrecy and
/// authenticated encryption, or 1.3; no renegotiation and no compression; ALPN (RFC 7301) with
/// `http/1.1` only. A session keeps using the context it began with, even after that is destroyed.
/// Thread-safe.
class TlsContext {
 public:
  /// Error: `failed`, if a file cannot be read, or if the key does not match the certificate, is
  /// encrypted, or is accessible to all users of the machine.
  static core::Result<std::shared_ptr<const TlsContext>> load(const TlsFiles& files);

 private:
  friend class TlsSession;
  using Handle = std::unique_ptr<SSL_CTX, decltype(&::SSL_CTX_free)>;

  TlsContext(const LibSsl& library, Handle handle)
      : library_(&library), handle_(std::move(handle)) {}

  const LibSsl* library_;
  Handle handle_;
};

/// The server's end of one TLS connection, without I/O: it takes the bytes that were received and
/// returns the bytes to be sent.
class TlsSession {
 public:
  enum class State {
    open,    ///< during and after the handshake
    ended,   ///< the peer has sent close_notify
    failed,  ///< the peer broke the protocol; `out` has the alert
  };

  explicit TlsSession(const TlsContext& context);

  /// Takes received bytes. Appends their decrypted text to `text`, and what must be sent to `out`.
  State receive(std::string_view bytes, std::string& text, std::string& out);
  /// Appends `text` to `out`, encrypted. False: the connection cannot be used.
  bool send(std::string_view text, std::string& out);
  /// Appends close_notify to `out`, unless the handshake is not done.
  void end(std::string& out);

  /// Whether the handshake is done.
  [[nodiscard]] bool is_established() const;
  /// Whether the handshake has begun and is not done.
  [[nodiscard]] bool is_in_handshake() const { return has_begun_ && !is_established(); }

 private:
  void take_output(std::string& out);

  const LibSsl* library_;
  std::unique_ptr<SSL, decltype(&::SSL_free)> handle_;
  BIO* incoming_;  // both are owned by the handle
  BIO* outgoing_;
  bool has_begun_ = false;
};

}  // namespace nexakey::server
