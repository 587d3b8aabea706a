#include "system/random.h"

#include "system/library.h"

namespace nexakey::system {
namespace {

using RandBytes = int (*)(unsigned char* buffer, int size);

// If RAND_bytes were linked in, it would include nearly all of libcrypto and double what every
// command loads. Only the few commands that make keys need it, and load the library.
RandBytes load_rand_bytes() {
  Library library("libcrypto.so.3");
  RandBytes rand_bytes = nullptr;
  library.find(rand_bytes, "RAND_bytes");
  return rand_bytes;
}

}  // namespace

bool random_bytes(std::span<std::uint8_t> bytes) {
  static const RandBytes rand_bytes = load_rand_bytes();
  return rand_bytes != nullptr && rand_bytes(bytes.data(), static_cast<int>(bytes.size())) == 1;
}

}  // namespace nexakey::system
