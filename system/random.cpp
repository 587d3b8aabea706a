#include "system/random.h"

#include "system/library.h"

namespace nexakey::system {
namespace {

using RandBytes = int (*)(unsigned char* buffer, int size);

// Linked in, RAND_bytes brings nearly all of libcrypto along, which doubles what every command has
// to load; only the few that make keys need it, so those load the library.
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
