#include "core/key_id.h"

#include <array>

namespace nexakey::core {
namespace {

constexpr std::string_view kAlphabet = "0123456789abcdefghjkmnpqrstvwxyz";
constexpr std::size_t kShortestPrefix = 4;

}  // namespace

KeyId KeyId::generate(const RandomSource& random) {
  std::array<std::uint8_t, 8> bytes{};
  if (!random(bytes)) {
    throw RandomnessError();
  }
  std::uint64_t bits = 0;
  for (const std::uint8_t byte : bytes) {
    bits = bits << 8U | byte;
  }
  return KeyId(static_cast<std::int64_t>(bits >> 4U));
}

std::optional<KeyId> KeyId::parse(std::string_view text) {
  const auto range = parse_key_id_prefix(text);
  if (!range || range->first != range->last) {
    return std::nullopt;
  }
  return range->first;
}

std::string KeyId::to_string() const {
  std::string text;
  append_to(text);
  return text;
}

void KeyId::append_to(std::string& text) const {
  std::array<char, kDigits> digits{};
  std::int64_t rest = bits_;
  for (auto digit = digits.rbegin(); digit != digits.rend(); ++digit, rest >>= 5) {
    *digit = kAlphabet[static_cast<std::size_t>(rest & 31)];
  }
  text += kPrefix;
  text.append(digits.data(), digits.size());
}

std::optional<KeyIdRange> parse_key_id_prefix(std::string_view text) {
  if (!text.starts_with(KeyId::kPrefix)) {
    return std::nullopt;
  }
  text.remove_prefix(KeyId::kPrefix.size());
  if (text.size() < kShortestPrefix || text.size() > KeyId::kDigits) {
    return std::nullopt;
  }
  std::int64_t bits = 0;
  for (const char c : text) {
    const std::size_t digit = kAlphabet.find(c);
    if (digit == std::string_view::npos) {
      return std::nullopt;
    }
    bits = bits << 5 | static_cast<std::int64_t>(digit);
  }
  const auto free_bits = 5 * (KeyId::kDigits - text.size());
  const std::int64_t first = bits << free_bits;
  return KeyIdRange{KeyId(first), KeyId(first + (std::int64_t{1} << free_bits) - 1)};
}

}  // namespace nexakey::core
