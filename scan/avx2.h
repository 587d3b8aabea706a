#pragma once

#include <array>
#include <cstdint>

#if defined(__x86_64__)
#include <immintrin.h>

// Table look-ups for 32 bytes at a time with AVX2. The function that calls these must have the
// attribute target("avx2").

namespace nexakey::scan {

/// A table with an entry for each half of a byte, aligned to 16 bytes.
__attribute__((target("avx2"))) inline __m256i load_halves(
    const std::array<std::uint8_t, 16>& table) {
  return _mm256_broadcastsi128_si256(
      _mm_load_si128(reinterpret_cast<const __m128i*>(table.data())));
}

/// The bits that the tables have in common for the lower and the upper half of each byte.
__attribute__((target("avx2"))) inline __m256i look_up(const char* bytes, __m256i low,
                                                       __m256i high) {
  const __m256i half = _mm256_set1_epi8(0x0F);
  const __m256i loaded = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(bytes));
  const __m256i upper = _mm256_and_si256(_mm256_srli_epi16(loaded, 4), half);
  return _mm256_and_si256(_mm256_shuffle_epi8(low, _mm256_and_si256(loaded, half)),
                          _mm256_shuffle_epi8(high, upper));
}

}  // namespace nexakey::scan

#endif
