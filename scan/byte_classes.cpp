#include "scan/byte_classes.h"

#include <array>
#include <bit>
#include <cstdint>

#include "core/digit_values.h"
#include "scan/avx2.h"

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

constexpr std::size_t kPair = 2 * kBlock;

/// Counts digits in pairs of blocks. In most pairs of a text, a few bits tell that the digits are
/// not enough, so that no pair waits for the counts of the one before it.
class PairCounter {
 public:
  explicit PairCounter(std::size_t before) : counter_(before) {}
  /// Adds a pair, of which the bits of digits are set. Returns whether they are enough.
  bool add(std::uint64_t digits) {
    // Enough digits fill the middle of a pair, or half as many are at one side of the border.
    constexpr std::size_t kHalf = kMinDigits / 2;
    constexpr std::uint64_t kFirst = (1ULL << kHalf) - 1;
    constexpr std::uint64_t kMiddle =
        (UINT64_MAX >> (kPair - kMinDigits)) & (UINT64_MAX << (kPair - kMinDigits));
    if (counter_.count() < kHalf && (digits & kFirst) != kFirst && (digits & kMiddle) != kMiddle) {
      counter_ = DigitCounter(static_cast<std::size_t>(std::countl_one(digits)));
      return false;
    }
    is_in_first_ = counter_.add(static_cast<std::uint32_t>(digits));
    return is_in_first_ || counter_.add(static_cast<std::uint32_t>(digits >> kBlock));
  }
  /// Which of the last pair completes the digits.
  [[nodiscard]] std::size_t offset() const { return is_in_first_ ? 0 : kBlock; }
  [[nodiscard]] std::size_t count() const { return counter_.count(); }

 private:
  DigitCounter counter_;
  bool is_in_first_ = false;
};

ByteClasses classify_simply(std::string_view blocks, std::size_t& before) {
  ByteClasses classes;
  DigitCounter counter(before);
  unsigned all = 0;
  for (std::size_t at = 0; at < blocks.size(); at += kBlock) {
    std::uint32_t digits = 0;
    for (std::size_t i = 0; i < kBlock; ++i) {
      const auto byte = static_cast<std::uint8_t>(blocks[at + i]);
      const unsigned bits = kTables.low[byte & 0xFU] & unsigned{kTables.high[byte >> 4U]};
      all |= bits;
      digits |= std::uint32_t{(bits & kDigitBits) != 0} << i;
    }
    if (counter.add(digits)) {
      classes.digits = at;
      break;
    }
  }
  before = counter.count();
  classes.has_binary = (all & ~kDigitBits) != 0;
  return classes;
}

#if defined(__x86_64__)

__attribute__((target("avx2"))) std::uint32_t digits_of(__m256i bits) {
  const __m256i digits = _mm256_and_si256(bits, _mm256_set1_epi8(kDigitBits));
  return ~static_cast<std::uint32_t>(
      _mm256_movemask_epi8(_mm256_cmpeq_epi8(digits, _mm256_setzero_si256())));
}

/// Classifies pairs of blocks.
__attribute__((target("avx2"))) ByteClasses classify_avx2(std::string_view pairs,
                                                          std::size_t& before) {
  const __m256i low = load_halves(kTables.low);
  const __m256i high = load_halves(kTables.high);
  __m256i all = _mm256_setzero_si256();
  ByteClasses classes;
  PairCounter counter(before);
  for (std::size_t at = 0; at < pairs.size(); at += kPair) {
    const __m256i first = look_up(pairs.data() + at, low, high);
    const __m256i second = look_up(pairs.data() + at + kBlock, low, high);
    all = _mm256_or_si256(all, _mm256_or_si256(first, second));
    if (counter.add(digits_of(first) | std::uint64_t{digits_of(second)} << kBlock)) {
      classes.digits = at + counter.offset();
      break;
    }
  }
  before = counter.count();
  classes.has_binary = _mm256_testc_si256(_mm256_set1_epi8(kDigitBits), all) == 0;
  return classes;
}

/// The bits of kTables by a whole byte of ASCII.
alignas(kPair) constexpr std::array<std::uint8_t, 2 * kPair> kBits = [] {
  std::array<std::uint8_t, 2 * kPair> bits{};
  for (std::size_t byte = 0; byte != bits.size(); ++byte) {
    bits[byte] = static_cast<std::uint8_t>(kTables.low[byte & 0xFU] & kTables.high[byte >> 4U]);
  }
  return bits;
}();

/// The same with one look-up for each byte.
__attribute__((target("avx512f,avx512bw,avx512vbmi"))) ByteClasses classify_vbmi(
    std::string_view pairs, std::size_t& before) {
  const __m512i low = _mm512_load_si512(kBits.data());
  const __m512i high = _mm512_load_si512(kBits.data() + kPair);
  const __m512i digit = _mm512_set1_epi8(kDigitBits);
  const __m512i other = _mm512_set1_epi8(static_cast<char>(UINT8_MAX - kDigitBits));
  __m512i all = _mm512_setzero_si512();
  std::uint64_t not_ascii = 0;
  ByteClasses classes;
  PairCounter counter(before);
  for (std::size_t at = 0; at < pairs.size(); at += kPair) {
    const __m512i bytes = _mm512_loadu_si512(pairs.data() + at);
    const __m512i bits = _mm512_permutex2var_epi8(low, bytes, high);
    const std::uint64_t upper = _mm512_movepi8_mask(bytes);
    all = _mm512_or_si512(all, bits);
    not_ascii |= upper;
    if (counter.add(_mm512_test_epi8_mask(bits, digit) & ~upper)) {
      classes.digits = at + counter.offset();
      break;
    }
  }
  before = counter.count();
  classes.has_binary = not_ascii != 0 || _mm512_test_epi8_mask(all, other) != 0;
  return classes;
}

ByteClasses classify_pairs(std::string_view pairs, std::size_t& before, Simd simd) {
  return simd == Simd::avx2 ? classify_avx2(pairs, before) : classify_vbmi(pairs, before);
}

#else

ByteClasses classify_pairs(std::string_view pairs, std::size_t& before, Simd /*simd*/) {
  return classify_simply(pairs, before);
}

#endif

}  // namespace

bool is_of_digits(char c) { return is_digit_or_escape(c); }

ByteClasses classify(std::string_view blocks, std::size_t& before, Simd simd) {
  if (simd == Simd::none) {
    return classify_simply(blocks, before);
  }
  const std::size_t pairs = blocks.size() - blocks.size() % kPair;
  const ByteClasses classes = classify_pairs(blocks.substr(0, pairs), before, simd);
  if (classes.digits != std::string_view::npos) {
    return classes;
  }
  ByteClasses last = classify_simply(blocks.substr(pairs), before);
  last.digits += last.digits == std::string_view::npos ? 0 : pairs;
  last.has_binary = last.has_binary || classes.has_binary;
  return last;
}

}  // namespace nexakey::scan
