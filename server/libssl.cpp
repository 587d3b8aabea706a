#include "server/libssl.h"

#include <optional>

#include <dlfcn.h>

namespace nexakey::server {
namespace {

/// Nothing if the library, or a function in it, is not there.
std::optional<LibSsl> load() {
  // What libssl itself stands on, libcrypto, is looked through for the names too.
  void* const library = ::dlopen("libssl.so.3", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    return std::nullopt;
  }
  LibSsl table;
  bool is_whole = true;
  const auto find = [&](auto& function, const char* name) {
    function =
        reinterpret_cast<std::remove_reference_t<decltype(function)>>(::dlsym(library, name));
    is_whole = is_whole && function != nullptr;
  };
  find(table.server_method, "TLS_server_method");
  find(table.ctx_new, "SSL_CTX_new");
  find(table.ctx_free, "SSL_CTX_free");
  find(table.ctx_ctrl, "SSL_CTX_ctrl");
  find(table.ctx_set_options, "SSL_CTX_set_options");
  find(table.ctx_set_cipher_list, "SSL_CTX_set_cipher_list");
  find(table.ctx_set_alpn_select_cb, "SSL_CTX_set_alpn_select_cb");
  find(table.ctx_set_default_passwd_cb, "SSL_CTX_set_default_passwd_cb");
  find(table.ctx_use_certificate_chain_file, "SSL_CTX_use_certificate_chain_file");
  find(table.ctx_use_private_key_file, "SSL_CTX_use_PrivateKey_file");
  find(table.ctx_check_private_key, "SSL_CTX_check_private_key");
  find(table.ssl_new, "SSL_new");
  find(table.ssl_free, "SSL_free");
  find(table.set_accept_state, "SSL_set_accept_state");
  find(table.set_bio, "SSL_set_bio");
  find(table.read_ex, "SSL_read_ex");
  find(table.write_ex, "SSL_write_ex");
  find(table.shutdown, "SSL_shutdown");
  find(table.is_init_finished, "SSL_is_init_finished");
  find(table.get_error, "SSL_get_error");
  find(table.bio_new, "BIO_new");
  find(table.bio_s_mem, "BIO_s_mem");
  find(table.bio_free, "BIO_free");
  find(table.bio_ctrl_pending, "BIO_ctrl_pending");
  find(table.bio_read, "BIO_read");
  find(table.bio_write, "BIO_write");
  find(table.clear_error, "ERR_clear_error");
  find(table.peek_last_error, "ERR_peek_last_error");
  find(table.reason_error_string, "ERR_reason_error_string");
  return is_whole ? std::optional(table) : std::nullopt;
}

}  // namespace

core::Result<const LibSsl*> libssl() {
  static const std::optional<LibSsl> table = load();
  if (!table) {
    return core::fail(core::ErrorCode::failed, "there is no TLS: libssl.so.3 can't be loaded",
                      "install OpenSSL 3 (the package libssl3)");
  }
  return &*table;
}

}  // namespace nexakey::server
