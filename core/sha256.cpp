#include "core/sha256.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

namespace nexakey::core {

// The one-shot SHA256() and EVP load OpenSSL's providers first, which takes longer than all the
// rest of a `verify`; these three functions go straight to the same code.
Sha256 sha256(std::string_view bytes) {
  Sha256 hash{};
  SHA256_CTX context;
  SHA256_Init(&context);
  SHA256_Update(&context, bytes.data(), bytes.size());
  SHA256_Final(hash.data(), &context);
  OPENSSL_cleanse(&context, sizeof context);
  return hash;
}

}  // namespace nexakey::core
