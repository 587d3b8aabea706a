#include "server/libssl.h"

#include <optional>

#include "system/library.h"

namespace nexakey::server {
namespace {

/// Nothing if the library or one of the functions is missing.
std::optional<LibSsl> load() {
  system::Library library("libssl.so.3");
  LibSsl table;
  library.find(table.server_method, "TLS_server_method");
  library.find(table.ctx_new, "SSL_CTX_new");
  library.find(table.ctx_free, "SSL_CTX_free");
  library.find(table.ctx_ctrl, "SSL_CTX_ctrl");
  library.find(table.ctx_set_options, "SSL_CTX_set_options");
  library.find(table.ctx_set_cipher_list, "SSL_CTX_set_cipher_list");
  library.find(table.ctx_set_alpn_select_cb, "SSL_CTX_set_alpn_select_cb");
  library.find(table.ctx_set_default_passwd_cb, "SSL_CTX_set_default_passwd_cb");
  library.find(table.ctx_use_certificate_chain_file, "SSL_CTX_use_certificate_chain_file");
  library.find(table.ctx_use_private_key_file, "SSL_CTX_use_PrivateKey_file");
  library.find(table.ctx_check_private_key, "SSL_CTX_check_private_key");
  library.find(table.ssl_new, "SSL_new");
  library.find(table.ssl_free, "SSL_free");
  library.find(table.set_accept_state, "SSL_set_accept_state");
  library.find(table.set_bio, "SSL_set_bio");
  library.find(table.read_ex, "SSL_read_ex");
  library.find(table.write_ex, "SSL_write_ex");
  library.find(table.shutdown, "SSL_shutdown");
  library.find(table.is_init_finished, "SSL_is_init_finished");
  library.find(table.get_error, "SSL_get_error");
  library.find(table.bio_new, "BIO_new");
  library.find(table.bio_s_mem, "BIO_s_mem");
  library.find(table.bio_free, "BIO_free");
  library.find(table.bio_ctrl_pending, "BIO_ctrl_pending");
  library.find(table.bio_read, "BIO_read");
  library.find(table.bio_write, "BIO_write");
  library.find(table.clear_error, "ERR_clear_error");
  library.find(table.peek_last_error, "ERR_peek_last_error");
  library.find(table.reason_error_string, "ERR_reason_error_string");
  return library.is_whole() ? std::optional(table) : std::nullopt;
}

}  // namespace

core::Result<const LibSsl*> libssl() {
  static const std::optional<LibSsl> table = load();
  if (!table) {
    return core::fail(core::ErrorCode::failed, "TLS is not available: cannot load libssl.so.3",
                      "install OpenSSL 3 (the package libssl3)");
  }
  return &*table;
}

}  // namespace nexakey::server
