#include "scan/fingerprints.h"

#include <bit>
#include <cstdint>

#include "scan/avx2.h"

namespace nexakey::scan {

std::optional<std::size_t> Fingerprints::match(std::string_view text) const {
  const std::uint32_t head = head_of(text);
  for (unsigned groups = groups_at(text); groups != 0; groups &= groups - 1) {
    const auto group = static_cast<std::size_t>(std::countr_zero(groups));
    for (std::size_t i = first_[group]; i < first_[group + 1]; ++i) {
      if ((head & heads_[i].mask) == heads_[i].bytes && text.starts_with(patterns_[i].bytes)) {
        return i;
      }
    }
  }
  return std::nullopt;
}

#if defined(__x86_64__)

namespace {

struct Tables {
  const std::array<std::uint8_t, 16>* low;
  const std::array<std::uint8_t, 16>* high;
};

/// The first place in whole blocks from `from` on whose first three bytes may match and that
/// `is_likely`; if there is none, the end of the blocks, behind which the place may not be.
template <typename Predicate>
__attribute__((target("avx2"))) std::size_t skip_blocks(const Tables& tables, std::string_view text,
                                                        std::size_t from,
                                                        const Predicate& is_likely) {
  constexpr std::size_t kBlock = 32;
  constexpr std::size_t kBehind = Fingerprints::kLength;
  const __m256i low0 = load_halves(tables.low[0]);
  const __m256i low1 = load_halves(tables.low[1]);
  const __m256i low2 = load_halves(tables.low[2]);
  const __m256i high0 = load_halves(tables.high[0]);
  const __m256i high1 = load_halves(tables.high[1]);
  const __m256i high2 = load_halves(tables.high[2]);
  for (; from + kBlock + kBehind <= text.size(); from += kBlock) {
    const char* const at = text.data() + from;
    const __m256i groups =
        _mm256_and_si256(_mm256_and_si256(look_up(at, low0, high0), look_up(at + 1, low1, high1)),
                         look_up(at + 2, low2, high2));
    const auto none = static_cast<std::uint32_t>(
        _mm256_movemask_epi8(_mm256_cmpeq_epi8(groups, _mm256_setzero_si256())));
    for (std::uint32_t places = ~none; places != 0; places &= places - 1) {
      const std::size_t place = from + static_cast<std::size_t>(std::countr_zero(places));
      if (is_likely(place)) {
        return place;
      }
    }
  }
  return from;
}

/// A table of groups by a whole byte, of which the upper bit does not count.
struct WideTable {
  __m512i low;
  __m512i high;
};

__attribute__((target("avx512f,avx512bw,avx512vbmi"))) WideTable load_table(
    const std::array<std::uint8_t, 128>& table) {
  return {_mm512_load_si512(table.data()), _mm512_load_si512(table.data() + sizeof(__m512i))};
}

__attribute__((target("avx512f,avx512bw,avx512vbmi"))) __m512i groups_of(const char* text,
                                                                         const WideTable& table) {
  return _mm512_permutex2var_epi8(table.low, _mm512_loadu_si512(text), table.high);
}

/// The same as skip_blocks, with the first four bytes and tables of whole bytes.
template <typename Predicate>
__attribute__((target("avx512f,avx512bw,avx512vbmi"))) std::size_t skip_wide_blocks(
    std::span<const std::array<std::uint8_t, 128>, 4> tables, std::string_view text,
    std::size_t from, const Predicate& is_likely) {
  constexpr std::size_t kBlock = 64;
  constexpr std::size_t kBehind = 3;
  const WideTable first = load_table(tables[0]);
  const WideTable second = load_table(tables[1]);
  const WideTable third = load_table(tables[2]);
  const WideTable fourth = load_table(tables[3]);
  for (; from + kBlock + kBehind <= text.size(); from += kBlock) {
    const char* const at = text.data() + from;
    const __m512i before = _mm512_and_si512(groups_of(at, first), groups_of(at + 1, second));
    const __m512i behind = _mm512_and_si512(groups_of(at + 2, third), groups_of(at + 3, fourth));
    for (std::uint64_t places = _mm512_test_epi8_mask(before, behind); places != 0;
         places &= places - 1) {
      const std::size_t place = from + static_cast<std::size_t>(std::countr_zero(places));
      if (is_likely(place)) {
        return place;
      }
    }
  }
  return from;
}

}  // namespace

#endif

std::size_t Fingerprints::skip(std::string_view text, std::size_t from,
                               [[maybe_unused]] Simd simd) const {
  const auto is_likely = [&](std::size_t at) { return groups_at(text.substr(at)) != 0; };
#if defined(__x86_64__)
  if (simd == Simd::avx512_vbmi) {
    from = skip_wide_blocks(folded_, text, from, is_likely);
  } else if (simd == Simd::avx2) {
    from = skip_blocks({low_.data(), high_.data()}, text, from, is_likely);
  }
#endif
  while (from + kLength <= text.size() && !is_likely(from)) {
    ++from;
  }
  return from;
}

std::optional<Fingerprints::Hit> Fingerprints::find(std::string_view text, std::size_t from,
                                                    Simd simd) const {
  for (std::size_t at = skip(text, from, simd); at + kLength <= text.size();
       at = skip(text, at + 1, simd)) {
    if (const auto pattern = match(text.substr(at))) {
      return Hit{at, *pattern};
    }
  }
  return std::nullopt;
}

}  // namespace nexakey::scan
