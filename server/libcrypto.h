#pragma once

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "core/error.h"

namespace nexakey::server {

/// The functions of OpenSSL 3's libcrypto that verify signatures, with the types of its headers.
/// They are loaded at run time, when the first ID token arrives.
struct LibCrypto {
  decltype(&::EVP_PKEY_CTX_new_from_name) pkey_ctx_new_from_name = nullptr;
  decltype(&::EVP_PKEY_CTX_free) pkey_ctx_free = nullptr;
  decltype(&::EVP_PKEY_fromdata_init) pkey_fromdata_init = nullptr;
  decltype(&::EVP_PKEY_fromdata) pkey_fromdata = nullptr;
  decltype(&::EVP_PKEY_free) pkey_free = nullptr;
  decltype(&::EVP_MD_CTX_new) md_ctx_new = nullptr;
  decltype(&::EVP_MD_CTX_free) md_ctx_free = nullptr;
  decltype(&::EVP_DigestVerifyInit_ex) digest_verify_init = nullptr;
  decltype(&::EVP_DigestVerify) digest_verify = nullptr;
  decltype(&::ERR_clear_error) clear_error = nullptr;
};

/// Loads the library at the first call. Error: `failed`, if it or one of the functions is missing.
core::Result<const LibCrypto*> libcrypto();

}  // namespace nexakey::server
