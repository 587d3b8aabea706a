#include "scan/byte_classes.h"

#include <array>
#include <bit>
#include <cstdint>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "core/digit_values.h"

namespace nexakey::scan {
namespace {

constexpr bool is_text(unsigned byte) {
  return (byte >= 0x20 && byte < 0x80) || (byte >= '\t' && byte <= '\r' && byte != '\v');
}

constexpr bool is_digit_or_escape(char c) {
  return core::base64_value(c) >= 0 || c == '%' || c == '\\';
}

/// A byte is in a class if one of the bits of the class is set for both of its halves.
constexpr unsigned kDigitBits = 0x1F;

struct ByteTables {
  alignas(16) std::array<std::uint8_t, 16> low{};
  alignas(16) std::array<std::uint8_t, 16> high{};
};

/// Each bit stands for the upper halves whose lower halves are the same: of digits 2, 3, 4 and 6,
/// 5, and 7; of other than text 0, and 1 and 8 to 15.
constexpr ByteTables kTables = [] {
  constexpr std::array<std::uint8_t, 16> kHigh{0x20, 0x40, 0x01, 0x02, 0x04, 0x08, 0x04, 0x10,
                                               0x40, 0x40, 0x40, 0x40, 0x40, 0x40, 0x40, 0x40};
  ByteTables tables;
  tables.high = kHigh;
  for (unsigned byte = 0; byte < 256; ++byte) {
    const bool is_digit = is_digit_or_escape(static_cast<char>(byte));
    const unsigned wanted = is_digit ? kDigitBits : is_text(byte) ? 0U : ~kDigitBits;
    auto& low = tables.low[byte & 0xFU];
    low = static_cast<std::uint8_t>(low | (kHigh[byte >> 4U] & wanted));
  }
  return tables;
}();

/// Counts digits over the ends of blocks.
class DigitCounter {
 public:
  explicit DigitCounter(std::size_t before) : count_(before) {}
  /// Adds a block, of which the bits of digits are set. Returns whether they are enough.
  bool add(std::uint32_t digits) {
    const auto first = static_cast<std::size_t>(std::countr_one(digits));
    if (count_ + first >= kMinDigits) {
      return true;
    }
    count_ = first == kBlock ? count_ + kBlock : static_cast<std::size_t>(std::countl_one(digits));
    return false;
  }
  [[nodiscard]] std::size_t count() const { return count_; }

 private:
  std::size_t count_;
};

ByteClasses classify_simply(std::string_view blocks, std::size_t& before) {
  ByteClasses classes;
  DigitCounter counter(before);
  for (std::size_t at = 0; at < blocks.size(); at += kBlock) {
    std::uint32_t digits = 0;
    for (std::size_t i = 0; i < kBlock; ++i) {
      const auto byte = static_cast<std::uint8_t>(blocks[at + i]);
      const unsigned bits = kTables.low[byte & 0xFU] & unsigned{kTables.high[byte >> 4U]};
      digits |= (bits & kDigitBits) != 0 ? 1U << i : 0U;
      classes.has_binary = classes.has_binary || (bits & ~kDigitBits) != 0;
    }
    if (counter.add(digits)) {
      classes.digits = at;
      break;
    }
  }
  before = counter.count();
  return classes;
}

#if defined(__x86_64__)

__attribute__((target("avx2"))) __m256i doubled_table(const std::array<std::uint8_t, 16>& table) {
  return _mm256_broadcastsi128_si256(
      _mm_load_si128(reinterpret_cast<const __m128i*>(table.data())));
}

__attribute__((target("avx2"))) ByteClasses classify_avx2(std::string_view blocks,
                                                          std::size_t& before) {
  const __m256i low = doubled_table(kTables.low);
  const __m256i high = doubled_table(kTables.high);
  const __m256i half = _mm256_set1_epi8(0x0F);
  const __m256i digit = _mm256_set1_epi8(kDigitBits);
  const __m256i zero = _mm256_setzero_si256();
  __m256i all = zero;
  ByteClasses classes;
  DigitCounter counter(before);
  for (std::size_t at = 0; at < blocks.size(); at += kBlock) {
    const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(blocks.data() + at));
    const __m256i upper = _mm256_and_si256(_mm256_srli_epi16(bytes, 4), half);
    const __m256i bits = _mm256_and_si256(_mm256_shuffle_epi8(low, _mm256_and_si256(bytes, half)),
                                          _mm256_shuffle_epi8(high, upper));
    all = _mm256_or_si256(all, bits);
    const __m256i others = _mm256_cmpeq_epi8(_mm256_and_si256(bits, digit), zero);
    if (counter.add(~static_cast<std::uint32_t>(_mm256_movemask_epi8(others)))) {
      classes.digits = at;
      break;
    }
  }
  before = counter.count();
  classes.has_binary = _mm256_testc_si256(digit, all) == 0;
  return classes;
}

#endif

}  // namespace

bool is_of_digits(char c) { return is_digit_or_escape(c); }

ByteClasses classify(std::string_view blocks, std::size_t& before) {
#if defined(__x86_64__)
  static const bool has_avx2 = __builtin_cpu_supports("avx2") != 0;
  if (has_avx2) {
    return classify_avx2(blocks, before);
  }
#endif
  return classify_simply(blocks, before);
}

}  // namespace nexakey::scan
