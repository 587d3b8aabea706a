#include "scan/base64.h"

#include <array>
#include <cstdint>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "core/digit_values.h"

namespace nexakey::scan {
namespace {

constexpr std::array<std::int8_t, 256> kValues = [] {
  std::array<std::int8_t, 256> values{};
  for (std::size_t byte = 0; byte != values.size(); ++byte) {
    values[byte] = static_cast<std::int8_t>(core::base64_value(static_cast<char>(byte)));
  }
  return values;
}();

/// Decodes four digits. False if one of them is none.
bool decode_group(const char* digits, char* out) {
  const auto value = [&](std::size_t at) {
    return static_cast<std::int32_t>(kValues[static_cast<std::uint8_t>(digits[at])]);
  };
  const std::int32_t all = value(0) | value(1) | value(2) | value(3);
  const auto bits =
      static_cast<std::uint32_t>(value(0)) << 18U | static_cast<std::uint32_t>(value(1)) << 12U |
      static_cast<std::uint32_t>(value(2)) << 6U | static_cast<std::uint32_t>(value(3));
  out[0] = static_cast<char>(bits >> 16U & 0xFFU);
  out[1] = static_cast<char>(bits >> 8U & 0xFFU);
  out[2] = static_cast<char>(bits & 0xFFU);
  return all >= 0;
}

#if defined(__x86_64__)

/// Decodes blocks of 32 digits of the alphabet with + and /, as Mula and Lemire describe: "Faster
/// Base64 Encoding and Decoding using AVX2 Instructions", 2018. Writes 8 bytes too many.
__attribute__((target("avx2"))) std::size_t decode_blocks(std::string_view text, char* out) {
  constexpr std::size_t kDigits = 32;
  const __m256i low_classes =
      _mm256_setr_epi8(0x15, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x13, 0x1A, 0x1B,
                       0x1B, 0x1B, 0x1A, 0x15, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11,
                       0x13, 0x1A, 0x1B, 0x1B, 0x1B, 0x1A);
  const __m256i high_classes =
      _mm256_setr_epi8(0x10, 0x10, 0x01, 0x02, 0x04, 0x08, 0x04, 0x08, 0x10, 0x10, 0x10, 0x10, 0x10,
                       0x10, 0x10, 0x10, 0x10, 0x10, 0x01, 0x02, 0x04, 0x08, 0x04, 0x08, 0x10, 0x10,
                       0x10, 0x10, 0x10, 0x10, 0x10, 0x10);
  const __m256i shifts = _mm256_setr_epi8(0, 16, 19, 4, -65, -65, -71, -71, 0, 0, 0, 0, 0, 0, 0, 0,
                                          0, 16, 19, 4, -65, -65, -71, -71, 0, 0, 0, 0, 0, 0, 0, 0);
  const __m256i packed = _mm256_setr_epi8(2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1, 2,
                                          1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1);
  const __m256i slash = _mm256_set1_epi8('/');
  std::size_t at = 0;
  for (; at + kDigits <= text.size(); at += kDigits) {
    const __m256i digits = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(text.data() + at));
    const __m256i high = _mm256_and_si256(_mm256_srli_epi32(digits, 4), slash);
    const __m256i low = _mm256_and_si256(digits, slash);
    if (_mm256_testz_si256(_mm256_shuffle_epi8(low_classes, low),
                           _mm256_shuffle_epi8(high_classes, high)) == 0) {
      break;
    }
    const __m256i is_slash = _mm256_cmpeq_epi8(digits, slash);
    const __m256i values =
        _mm256_add_epi8(digits, _mm256_shuffle_epi8(shifts, _mm256_add_epi8(is_slash, high)));
    const __m256i pairs = _mm256_maddubs_epi16(values, _mm256_set1_epi32(0x01400140));
    const __m256i groups = _mm256_madd_epi16(pairs, _mm256_set1_epi32(0x00011000));
    const __m256i bytes = _mm256_permutevar8x32_epi32(_mm256_shuffle_epi8(groups, packed),
                                                      _mm256_setr_epi32(0, 1, 2, 4, 5, 6, -1, -1));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + at / 4 * 3), bytes);
  }
  return at;
}

#endif

std::size_t decode_first_blocks(std::string_view text, char* out) {
#if defined(__x86_64__)
  static const bool has_avx2 = __builtin_cpu_supports("avx2") != 0;
  return has_avx2 ? decode_blocks(text, out) : 0;
#else
  static_cast<void>(text);
  static_cast<void>(out);
  return 0;
#endif
}

}  // namespace

std::size_t decode_base64(std::string_view text, char* out) {
  std::size_t at = decode_first_blocks(text, out);
  while (at + 4 <= text.size() && decode_group(text.data() + at, out + at / 4 * 3)) {
    at += 4;
  }
  return at;
}

}  // namespace nexakey::scan
