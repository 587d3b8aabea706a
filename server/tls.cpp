#include "server/tls.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <new>
#include <system_error>

#include <sys/stat.h>

#include "core/text.h"

namespace nexakey::server {
namespace {

/// For TLS 1.2; all ciphers of 1.3 are of this kind.
constexpr const char* kCiphers = "ECDHE+AESGCM:ECDHE+CHACHA20";
constexpr std::string_view kProtocol = "http/1.1";

/// The length of each protocol precedes it in the list, which OpenSSL has validated.
int select_protocol(SSL* /*handle*/, const unsigned char** chosen, unsigned char* length,
                    const unsigned char* offered, unsigned int offered_length, void* /*argument*/) {
  for (const unsigned char* at = offered; at < offered + offered_length; at += *at + 1) {
    if (std::equal(at + 1, at + 1 + *at, kProtocol.begin(), kProtocol.end())) {
      *chosen = at + 1;
      *length = *at;
      return SSL_TLSEXT_ERR_OK;
    }
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

/// Without this callback, OpenSSL would prompt for the password of an encrypted key.
int no_password(char* /*buffer*/, int /*size*/, int /*for_writing*/, void* /*argument*/) {
  return -1;
}

core::Result<void> check_mode(const std::string& key) {
  struct stat status {};
  if (::stat(key.c_str(), &status) != 0) {
    return core::fail(core::ErrorCode::failed, "the key " + core::quote(key) + " cannot be read: " +
                                                   std::generic_category().message(errno));
  }
  if ((status.st_mode & S_IRWXO) != 0) {
    return core::fail(core::ErrorCode::failed,
                      "the key " + core::quote(key) + " is accessible to all users of this machine",
                      "remove their access: chmod o= FILE");
  }
  return {};
}

}  // namespace

core::Result<std::shared_ptr<const TlsContext>> TlsContext::load(const TlsFiles& files) {
  const auto library = libssl();
  if (!library) {
    return tl::unexpected(library.error());
  }
  const LibSsl& ssl = **library;
  if (auto checked = check_mode(files.key); !checked) {
    return tl::unexpected(std::move(checked.error()));
  }
  Handle handle(ssl.ctx_new(ssl.server_method()), ssl.ctx_free);
  if (!handle) {
    throw std::bad_alloc();
  }
  SSL_CTX* const context = handle.get();
  ssl.ctx_ctrl(context, SSL_CTRL_SET_MIN_PROTO_VERSION, TLS1_2_VERSION, nullptr);
  ssl.ctx_ctrl(context, SSL_CTRL_MODE, SSL_MODE_RELEASE_BUFFERS, nullptr);
  // Sessions are resumed by tickets, which cost the server no memory.
  ssl.ctx_ctrl(context, SSL_CTRL_SET_SESS_CACHE_MODE, SSL_SESS_CACHE_OFF, nullptr);
  ssl.ctx_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  ssl.ctx_set_cipher_list(context, kCiphers);
  ssl.ctx_set_alpn_select_cb(context, select_protocol, nullptr);
  ssl.ctx_set_default_passwd_cb(context, no_password);

  const auto problem = [&](const std::string& what) {
    const char* const reason = ssl.reason_error_string(ssl.peek_last_error());
    ssl.clear_error();
    return core::fail(core::ErrorCode::failed,
                      what + (reason == nullptr ? "" : std::string(": ") + reason));
  };
  ssl.clear_error();
  if (ssl.ctx_use_certificate_chain_file(context, files.certificate.c_str()) != 1) {
    return problem("the certificate " + core::quote(files.certificate) + " cannot be used");
  }
  if (ssl.ctx_use_private_key_file(context, files.key.c_str(), SSL_FILETYPE_PEM) != 1 ||
      ssl.ctx_check_private_key(context) != 1) {
    return problem("the key " + core::quote(files.key) + " cannot be used");
  }
  return std::shared_ptr<const TlsContext>(new TlsContext(ssl, std::move(handle)));
}

TlsSession::TlsSession(const TlsContext& context)
    : library_(context.library_),
      handle_(library_->ssl_new(context.handle_.get()), library_->ssl_free),
      incoming_(library_->bio_new(library_->bio_s_mem())),
      outgoing_(library_->bio_new(library_->bio_s_mem())) {
  if (!handle_ || incoming_ == nullptr || outgoing_ == nullptr) {
    library_->bio_free(incoming_);
    library_->bio_free(outgoing_);
    throw std::bad_alloc();
  }
  library_->set_bio(handle_.get(), incoming_, outgoing_);
  library_->set_accept_state(handle_.get());
}

TlsSession::State TlsSession::receive(std::string_view bytes, std::string& text, std::string& out) {
  has_begun_ = true;
  library_->clear_error();  // get_error also looks at older errors of this thread
  library_->bio_write(incoming_, bytes.data(), static_cast<int>(bytes.size()));
  std::array<char, kMaxTlsRecord> piece{};
  std::size_t count = 0;
  while (library_->read_ex(handle_.get(), piece.data(), piece.size(), &count) == 1) {
    text.append(piece.data(), count);
  }
  const int error = library_->get_error(handle_.get(), 0);
  take_output(out);
  switch (error) {
    case SSL_ERROR_WANT_READ:
      return State::open;
    case SSL_ERROR_ZERO_RETURN:
      return State::ended;
    default:
      return State::failed;
  }
}

bool TlsSession::send(std::string_view text, std::string& out) {
  library_->clear_error();
  std::size_t count = 0;
  const bool is_sent =
      text.empty() || library_->write_ex(handle_.get(), text.data(), text.size(), &count) == 1;
  take_output(out);
  return is_sent;
}

void TlsSession::end(std::string& out) {
  library_->clear_error();
  if (is_established()) {
    library_->shutdown(handle_.get());
  }
  take_output(out);
}

bool TlsSession::is_established() const { return library_->is_init_finished(handle_.get()) == 1; }

void TlsSession::take_output(std::string& out) {
  const std::size_t pending = library_->bio_ctrl_pending(outgoing_);
  if (pending != 0) {
    const std::size_t before = out.size();
    out.resize(before + pending);
    library_->bio_read(outgoing_, out.data() + before, static_cast<int>(pending));
  }
}

}  // namespace nexakey::server
