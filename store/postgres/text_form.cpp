#include "store/postgres/text_form.h"

#include <cstring>

#include "core/sha256.h"
#include "core/text.h"

namespace nexakey::store::postgres {
namespace {

constexpr std::string_view kHexPrefix = "\\x";
constexpr std::string_view kHexDigits = "0123456789abcdef";

}  // namespace

std::string hex_form(std::span<const std::byte> bytes) {
  std::string text(kHexPrefix);
  text.reserve(text.size() + 2 * bytes.size());
  for (const std::byte byte : bytes) {
    text += kHexDigits[std::to_integer<unsigned>(byte) >> 4U];
    text += kHexDigits[std::to_integer<unsigned>(byte) & 15U];
  }
  return text;
}

std::string quoted_element(std::string_view text) {
  std::string element = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      element += '\\';
    }
    element += c;
  }
  return element + '"';
}

std::optional<std::int64_t> parse_number(std::string_view text) {
  return core::parse_whole<std::int64_t>(text);
}

std::optional<core::CredentialHash> parse_hash(std::string_view text) {
  if (text.starts_with(kHexPrefix)) {
    return core::hash_from_hex(text.substr(kHexPrefix.size()));
  }
  const std::string bytes = parse_bytes(text);
  core::CredentialHash hash{};
  if (bytes.size() != hash.size()) {
    return std::nullopt;
  }
  std::memcpy(hash.data(), bytes.data(), hash.size());
  return hash;
}

std::string parse_bytes(std::string_view text) {
  std::string bytes;
  if (text.starts_with(kHexPrefix)) {
    bytes.reserve(text.size() / 2);
    for (std::size_t i = kHexPrefix.size(); i + 1 < text.size(); i += 2) {
      bytes += static_cast<char>(kHexDigits.find(text[i]) << 4U | kHexDigits.find(text[i + 1]));
    }
    return bytes;
  }
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      bytes += text[i];
    } else if (i + 1 < text.size() && text[i + 1] == '\\') {
      bytes += text[++i];
    } else if (i + 3 < text.size()) {
      const auto digit = [&](std::size_t at) { return static_cast<unsigned>(text[i + at] - '0'); };
      bytes += static_cast<char>(digit(1) << 6U | digit(2) << 3U | digit(3));
      i += 3;
    }
  }
  return bytes;
}

}  // namespace nexakey::store::postgres
