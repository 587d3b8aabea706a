#include "scan/fingerprints.h"

#include <bit>
#include <cstdint>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace nexakey::scan {

std::optional<std::size_t> Fingerprints::match(unsigned groups, std::string_view text,
                                               std::size_t at) const {
  const std::string_view rest = text.substr(at, bytes_.size());
  for (std::size_t i = 0; i < rest.size(); ++i) {
    groups &= bytes_[i][static_cast<std::uint8_t>(rest[i])];
  }
  for (; groups != 0; groups &= groups - 1) {
    const auto group = static_cast<std::size_t>(std::countr_zero(groups));
    for (std::size_t i = first_[group]; i < first_[group + 1]; ++i) {
      if (text.substr(at).starts_with(patterns_[i].bytes)) {
        return i;
      }
    }
  }
  return std::nullopt;
}

#if defined(__x86_64__)

namespace {

__attribute__((target("avx2"))) __m256i doubled(const std::array<std::uint8_t, 16>& table) {
  return _mm256_broadcastsi128_si256(
      _mm_load_si128(reinterpret_cast<const __m128i*>(table.data())));
}

__attribute__((target("avx2"))) __m256i groups_of(const char* text, __m256i low, __m256i high) {
  const __m256i half = _mm256_set1_epi8(0x0F);
  const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(text));
  const __m256i upper = _mm256_and_si256(_mm256_srli_epi16(bytes, 4), half);
  return _mm256_and_si256(_mm256_shuffle_epi8(low, _mm256_and_si256(bytes, half)),
                          _mm256_shuffle_epi8(high, upper));
}

struct Tables {
  const std::array<std::uint8_t, 16>* low;
  const std::array<std::uint8_t, 16>* high;
};

/// Calls `is_hit` with the groups whose first three bytes may match at a place, and the place.
template <typename Predicate>
__attribute__((target("avx2"))) std::size_t skip_blocks_avx2(const Tables& tables,
                                                             std::string_view text,
                                                             std::size_t from,
                                                             const Predicate& is_hit) {
  constexpr std::size_t kBlock = 32;
  constexpr std::size_t kBehind = Fingerprints::kLength - 1;
  const __m256i low0 = doubled(tables.low[0]);
  const __m256i low1 = doubled(tables.low[1]);
  const __m256i low2 = doubled(tables.low[2]);
  const __m256i high0 = doubled(tables.high[0]);
  const __m256i high1 = doubled(tables.high[1]);
  const __m256i high2 = doubled(tables.high[2]);
  for (; from + kBlock + kBehind <= text.size(); from += kBlock) {
    const char* const at = text.data() + from;
    const __m256i groups = _mm256_and_si256(
        _mm256_and_si256(groups_of(at, low0, high0), groups_of(at + 1, low1, high1)),
        groups_of(at + 2, low2, high2));
    const auto none = static_cast<std::uint32_t>(
        _mm256_movemask_epi8(_mm256_cmpeq_epi8(groups, _mm256_setzero_si256())));
    if (none != UINT32_MAX) {
      alignas(kBlock) std::array<std::uint8_t, kBlock> found;
      _mm256_store_si256(reinterpret_cast<__m256i*>(found.data()), groups);
      for (std::uint32_t places = ~none; places != 0; places &= places - 1) {
        const auto place = static_cast<std::size_t>(std::countr_zero(places));
        if (is_hit(found[place], from + place)) {
          return from + place;
        }
      }
    }
  }
  return from;
}

}  // namespace

std::size_t Fingerprints::skip_blocks(std::string_view text, std::size_t from) const {
  static const bool has_avx2 = __builtin_cpu_supports("avx2") != 0;
  const auto is_hit = [&](unsigned groups, std::size_t at) {
    return match(groups, text, at).has_value();
  };
  return has_avx2 ? skip_blocks_avx2({low_.data(), high_.data()}, text, from, is_hit) : from;
}

#else

std::size_t Fingerprints::skip_blocks(std::string_view /*text*/, std::size_t from) const {
  return from;
}

#endif

std::optional<Fingerprints::Hit> Fingerprints::find(std::string_view text, std::size_t from) const {
  for (std::size_t at = skip_blocks(text, from); at + kLength <= text.size(); ++at) {
    if (const auto pattern = match(UINT8_MAX, text, at)) {
      return Hit{at, *pattern};
    }
  }
  return std::nullopt;
}

}  // namespace nexakey::scan
