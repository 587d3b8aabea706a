#include "core/random.h"

#include "core/library.h"

namespace nexakey::core {
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

bool system_random(std::span<std::uint8_t> bytes) {
  static const RandBytes rand_bytes = load_rand_bytes();
  return rand_bytes != nullptr && rand_bytes(bytes.data(), static_cast<int>(bytes.size())) == 1;
}

}  // namespace nexakey::core
