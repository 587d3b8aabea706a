#include "core/id.h"

#include <array>

namespace nexakey::core {
namespace {

constexpr std::string_view kIdAlphabet = "0123456789abcdefghjkmnpqrstvwxyz";
constexpr std::size_t kMinPrefixLength = 4;

}  // namespace

template <typename Kind>
Id<Kind> Id<Kind>::generate(const RandomSource& random) {
  std::array<std::uint8_t, 8> bytes{};
  if (!random(bytes)) {
    throw RandomnessError();
  }
  std::uint64_t bits = 0;
  for (const std::uint8_t byte : bytes) {
    bits = bits << 8U | byte;
  }
  return Id(static_cast<std::int64_t>(bits >> 4U));
}

template <typename Kind>
std::optional<Id<Kind>> Id<Kind>::parse(std::string_view text) {
  const auto range = IdRange<Kind>::parse(text);
  if (!range || range->first != range->last) {
    return std::nullopt;
  }
  return range->first;
}

template <typename Kind>
std::string Id<Kind>::to_string() const {
  std::string text;
  append_to(text);
  return text;
}

template <typename Kind>
void Id<Kind>::append_to(std::string& text) const {
  std::array<char, kDigits> digits{};
  std::int64_t rest = bits_;
  for (auto digit = digits.rbegin(); digit != digits.rend(); ++digit, rest >>= 5) {
    *digit = kIdAlphabet[static_cast<std::size_t>(rest & 31)];
  }
  text += kPrefix;
  text.append(digits.data(), digits.size());
}

template <typename Kind>
std::optional<IdRange<Kind>> IdRange<Kind>::parse(std::string_view text) {
  if (!text.starts_with(Kind::kPrefix)) {
    return std::nullopt;
  }
  text.remove_prefix(Kind::kPrefix.size());
  if (text.size() < kMinPrefixLength || text.size() > Id<Kind>::kDigits) {
    return std::nullopt;
  }
  std::int64_t bits = 0;
  for (const char c : text) {
    const std::size_t digit = kIdAlphabet.find(c);
    if (digit == std::string_view::npos) {
      return std::nullopt;
    }
    bits = bits << 5 | static_cast<std::int64_t>(digit);
  }
  const auto free_bits = 5 * (Id<Kind>::kDigits - text.size());
  const std::int64_t first = bits << free_bits;
  return IdRange{Id<Kind>(first), Id<Kind>(first + (std::int64_t{1} << free_bits) - 1)};
}

template class Id<KeyKind>;
template class Id<TokenKind>;
template class Id<ImportKind>;
template struct IdRange<KeyKind>;
template struct IdRange<TokenKind>;

}  // namespace nexakey::core
