#include "system/random.h"

#include "system/library.h"

namespace nexakey::system {
namespace {

using DefaultContext = void* (*)();
using RandBytes = int (*)(unsigned char* buffer, int size);

// If RAND_bytes were linked in, it would include nearly all of libcrypto and double what every
// command loads. Only the few commands that make keys need it, and load the library.
RandBytes load_rand_bytes() {
  Library library("libcrypto.so.3");
  DefaultContext default_context = nullptr;
  RandBytes rand_bytes = nullptr;
  library.find(default_context, "OSSL_LIB_CTX_get0_global_default");
  library.find(rand_bytes, "RAND_bytes");
  // Without its default context, for which memory was lacking, RAND_bytes(3) crashes.
  const bool is_usable = default_context != nullptr && default_context() != nullptr;
  return is_usable ? rand_bytes : nullptr;
}

}  // namespace

bool random_bytes(std::span<std::uint8_t> bytes) {
  static const RandBytes rand_bytes = load_rand_bytes();
  return rand_bytes != nullptr && rand_bytes(bytes.data(), static_cast<int>(bytes.size())) == 1;
}

}  // namespace nexakey::system
