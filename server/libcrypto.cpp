#include "server/libcrypto.h"

#include <optional>

#include "system/library.h"

namespace nexakey::server {
namespace {

/// Nothing if the library or one of the functions is missing.
std::optional<LibCrypto> load_libcrypto() {
  system::Library library("libcrypto.so.3");
  LibCrypto table;
  library.find(table.pkey_ctx_new_from_name, "EVP_PKEY_CTX_new_from_name");
  library.find(table.pkey_ctx_free, "EVP_PKEY_CTX_free");
  library.find(table.pkey_fromdata_init, "EVP_PKEY_fromdata_init");
  library.find(table.pkey_fromdata, "EVP_PKEY_fromdata");
  library.find(table.pkey_free, "EVP_PKEY_free");
  library.find(table.md_ctx_new, "EVP_MD_CTX_new");
  library.find(table.md_ctx_free, "EVP_MD_CTX_free");
  library.find(table.digest_verify_init, "EVP_DigestVerifyInit_ex");
  library.find(table.digest_verify, "EVP_DigestVerify");
  library.find(table.clear_error, "ERR_clear_error");
  return library.is_whole() ? std::optional(table) : std::nullopt;
}

}  // namespace

core::Result<const LibCrypto*> libcrypto() {
  static const std::optional<LibCrypto> table = load_libcrypto();
  if (!table) {
    return core::fail(core::ErrorCode::failed,
                      "ID tokens cannot be verified: cannot load libcrypto.so.3",
                      "install OpenSSL 3 (the package libssl3)");
  }
  return &*table;
}

}  // namespace nexakey::server
