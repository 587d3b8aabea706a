#pragma once

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "core/error.h"

namespace nexakey::server {

/// The functions of OpenSSL 3's libssl that a server needs, with the types of its headers. They are
/// loaded at run time, so that only a server with TLS pays for the library.
struct LibSsl {
  decltype(&::TLS_server_method) server_method = nullptr;
  decltype(&::SSL_CTX_new) ctx_new = nullptr;
  decltype(&::SSL_CTX_free) ctx_free = nullptr;
  decltype(&::SSL_CTX_ctrl) ctx_ctrl = nullptr;
  decltype(&::SSL_CTX_set_options) ctx_set_options = nullptr;
  decltype(&::SSL_CTX_set_cipher_list) ctx_set_cipher_list = nullptr;
  decltype(&::SSL_CTX_set_alpn_select_cb) ctx_set_alpn_select_cb = nullptr;
  decltype(&::SSL_CTX_set_default_passwd_cb) ctx_set_default_passwd_cb = nullptr;
  decltype(&::SSL_CTX_use_certificate_chain_file) ctx_use_certificate_chain_file = nullptr;
  decltype(&::SSL_CTX_use_PrivateKey_file) ctx_use_private_key_file = nullptr;
  decltype(&::SSL_CTX_check_private_key) ctx_check_private_key = nullptr;
  decltype(&::SSL_new) ssl_new = nullptr;
  decltype(&::SSL_free) ssl_free = nullptr;
  decltype(&::SSL_set_accept_state) set_accept_state = nullptr;
  decltype(&::SSL_set_bio) set_bio = nullptr;
  decltype(&::SSL_read_ex) read_ex = nullptr;
  decltype(&::SSL_write_ex) write_ex = nullptr;
  decltype(&::SSL_shutdown) shutdown = nullptr;
  decltype(&::SSL_is_init_finished) is_init_finished = nullptr;
  decltype(&::SSL_get_error) get_error = nullptr;
  decltype(&::BIO_new) bio_new = nullptr;
  decltype(&::BIO_s_mem) bio_s_mem = nullptr;
  decltype(&::BIO_free) bio_free = nullptr;
  decltype(&::BIO_ctrl_pending) bio_ctrl_pending = nullptr;
  decltype(&::BIO_read) bio_read = nullptr;
  decltype(&::BIO_write) bio_write = nullptr;
  decltype(&::ERR_clear_error) clear_error = nullptr;
  decltype(&::ERR_peek_last_error) peek_last_error = nullptr;
  decltype(&::ERR_reason_error_string) reason_error_string = nullptr;
};

/// Loads the library at the first call. Error: `failed`, if it or one of the functions is missing.
core::Result<const LibSsl*> libssl();

}  // namespace nexakey::server
