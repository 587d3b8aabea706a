#include "scan/leak_finder.h"

#include <algorithm>
#include <array>
#include <bitset>
#include <optional>

#include <openssl/crypto.h>

#include "core/text.h"
#include "scan/fingerprints.h"
#include "scan/key_decoders.h"

namespace nexakey::scan {
namespace {

std::string_view random_part(std::string_view key) {
  return key.substr(core::kApiKeyPrefix.size());
}

bool is_placeholder(std::string_view key) {
  constexpr std::size_t kMinCharacters = 8;
  std::bitset<256> seen;
  for (const char c : random_part(key)) {
    seen.set(static_cast<unsigned char>(c));
  }
  return seen.count() < kMinCharacters;
}

/// Reads a key from a decoder. False if there is none.
template <typename Decoder>
bool read_leak(Decoder& decoder, Leak& leak) {
  std::array<char, core::kApiKeyLength> key{};
  for (std::size_t i = 0; i < key.size(); ++i) {
    const std::optional<char> c = decoder.next();
    const bool fits = c && (i < core::kApiKeyPrefix.size() ? *c == core::kApiKeyPrefix[i]
                                                           : core::is_alphanumeric(*c));
    if (!fits) {
      return false;
    }
    key[i] = *c;
  }
  const std::string_view text(key.data(), key.size());
  leak.hash = core::hash_api_key(text);
  leak.last_four = core::last_four(text);
  leak.placeholder = is_placeholder(text);
  OPENSSL_cleanse(key.data(), key.size());
  const std::optional<char> behind = decoder.next();
  leak.runs_on = behind && core::is_alphanumeric(*behind);
  return true;
}

/// Whether a text may go on as a key after the characters that it has in common with one: by
/// another character if that is escaped, or by what is between lines. Most texts are refused by
/// this alone.
bool may_be_key(std::string_view text) {
  const auto [end, prefix_end] = std::ranges::mismatch(text, core::kApiKeyPrefix);
  return prefix_end == core::kApiKeyPrefix.end() || end == text.end() ||
         !core::is_alphanumeric(*end);
}

bool read_text(std::string_view text, Leak& leak) {
  if (!may_be_key(text)) {
    return false;
  }
  TextDecoder decoder(text);
  const bool found = read_leak(decoder, leak);
  leak.form = decoder.form();
  return found;
}

template <std::size_t width>
bool read_wide(std::string_view text, Leak& leak) {
  WideDecoder decoder(text, width);
  leak.form = width == 2 ? LeakForm::utf16 : LeakForm::utf32;
  return read_leak(decoder, leak);
}

template <typename Decoder, LeakForm form>
bool read_numbers(std::string_view text, Leak& leak) {
  Decoder decoder(text);
  leak.form = form;
  return read_leak(decoder, leak);
}

template <unsigned known>
bool read_base64(std::string_view text, Leak& leak) {
  Base64Decoder decoder(text, known);
  leak.form = LeakForm::base64;
  return read_leak(decoder, leak);
}

/// The beginning of every key in an encoding, or a later part of it, if the beginning may differ or
/// have a line end in it.
struct Anchor {
  Fingerprints::Pattern fingerprint;
  std::size_t offset;  ///< the minimum, between the beginning and the fingerprint
  std::size_t range;   ///< how much more than the minimum it may be
  bool (*read)(std::string_view text, Leak& leak);
  std::string_view first{};  ///< what it may begin with, if not with the fingerprint
  std::size_t before = 0;    ///< how many digits before the beginning have a part of the key
};

constexpr std::size_t kEscape = 14;   // the size of an escaped character
constexpr std::size_t kBetween = 70;  // digits before a line end, and what stands between lines
constexpr auto kReadHex = read_numbers<HexDecoder, LeakForm::hex>;
constexpr auto kReadDecimal = read_numbers<DecimalDecoder, LeakForm::decimal>;

/// In base64, the beginning depends on the number of bytes before the key; the first digit also on
/// their values if a part of it belongs to them. Similar ones are together (Fingerprints).
constexpr std::array kAnchors{
    // f and c as they are
    Anchor{{"fc_l", 0}, 0, 0, read_text},
    Anchor{{"fc_%", 0}, 0, 0, read_text},
    Anchor{{"fc_&", 0}, 0, 0, read_text},
    Anchor{{"fc_\\", 0}, 0, 0, read_text},
    Anchor{{"fc_=", 0}, 0, 0, read_text},
    Anchor{{"fc_\n", 0}, 0, 0, read_text},
    Anchor{{"fc_\r", 0}, 0, 0, read_text},
    Anchor{{"fc_\"", 0}, 0, 0, read_text},
    Anchor{{"fc_'", 0}, 0, 0, read_text},
    Anchor{{"fc_`", 0}, 0, 0, read_text},
    Anchor{{"fc%", 1}, 0, 0, read_text},
    Anchor{{"fc&", 1}, 0, 0, read_text},
    Anchor{{"fc\"", 1}, 0, 0, read_text},
    Anchor{{"fc'", 1}, 0, 0, read_text},
    Anchor{{"fc\\", 1}, 0, 0, read_text},
    Anchor{{"fc=", 1}, 0, 0, read_text},
    Anchor{{"fc\r\n", 1}, 0, 0, read_text},
    Anchor{{"fc\n ", 1}, 0, 0, read_text},
    Anchor{{"fc\n\t", 1}, 0, 0, read_text},
    Anchor{{"fc\n+", 1}, 0, 0, read_text},
    // f as it is
    Anchor{{"f%63", 2}, 0, 0, read_text},
    Anchor{{"f%00", 2}, 0, 0, read_text},
    Anchor{{"f\\x0", 2}, 0, 0, read_text},
    Anchor{{"f\\00", 2}, 0, 0, read_text},
    Anchor{{"f%25", 2}, 0, 0, read_text},
    Anchor{{"f=63", 2}, 0, 0, read_text},
    Anchor{{"f=\r\n", 2}, 0, 0, read_text},
    Anchor{{"f=\\", 2}, 0, 0, read_text},
    Anchor{{"f=\n", 2}, 0, 0, read_text},
    Anchor{{"f&#0", 2}, 0, 0, read_text},
    Anchor{{"f&am", 2}, 0, 0, read_text},
    Anchor{{"f&#9", 2}, 0, 0, read_text},
    Anchor{{"f&#X", 2}, 0, 0, read_text},
    Anchor{{"f&#x", 2}, 0, 0, read_text},
    Anchor{{"f\\\\", 2}, 0, 0, read_text},
    Anchor{{"f\\\"", 2}, 0, 0, read_text},
    Anchor{{"f\\r", 2}, 0, 0, read_text},
    Anchor{{"f\\n", 2}, 0, 0, read_text},
    Anchor{{"f\\U0", 2}, 0, 0, read_text},
    Anchor{{"f\\u0", 2}, 0, 0, read_text},
    Anchor{{"f\\u{", 2}, 0, 0, read_text},
    Anchor{{"f\\x6", 2}, 0, 0, read_text},
    Anchor{{"f\\14", 2}, 0, 0, read_text},
    Anchor{{"f\\\n", 2}, 0, 0, read_text},
    Anchor{{"f\\\r\n", 2}, 0, 0, read_text},
    Anchor{{"f\r\n ", 2}, 0, 0, read_text},
    Anchor{{"f\r\n\t", 2}, 0, 0, read_text},
    Anchor{{"f\n\tc", 2}, 0, 0, read_text},
    Anchor{{"f\n+ ", 2}, 0, 0, read_text},
    Anchor{{"f\n c", 2}, 0, 0, read_text},
    Anchor{{"f\"+", 2}, 0, 0, read_text},
    Anchor{{"f\"\n", 2}, 0, 0, read_text},
    Anchor{{"f'\n", 2}, 0, 0, read_text},
    // f escaped
    Anchor{{"02;&", 3}, 1, kEscape, read_text, "%&=\\"},
    Anchor{{"02;c", 3}, 1, kEscape, read_text, "%&=\\"},
    Anchor{{"66;&", 3}, 1, kEscape, read_text, "%&=\\"},
    Anchor{{"66;c", 3}, 1, kEscape, read_text, "%&=\\"},
    Anchor{{"66}\\", 3}, 1, kEscape, read_text, "%&=\\"},
    Anchor{{"66}c", 3}, 1, kEscape, read_text, "%&=\\"},
    Anchor{{"066\\", 3}, 1, kEscape, read_text, "%&=\\"},
    Anchor{{"066c", 3}, 1, kEscape, read_text, "%&=\\"},
    Anchor{{"46c", 3}, 1, kEscape, read_text, "%&=\\"},
    Anchor{{"46\\", 3}, 1, kEscape, read_text, "%&=\\"},
    Anchor{{"x66\\", 3}, 1, kEscape, read_text, "%&=\\"},
    Anchor{{"x66c", 3}, 1, kEscape, read_text, "%&=\\"},
    Anchor{{"%66%", 3}, 0, 0, read_text},
    Anchor{{"%66c", 3}, 0, 0, read_text},
    Anchor{{"566%", 3}, 1, kEscape, read_text, "%&=\\"},
    Anchor{{"566c", 3}, 1, kEscape, read_text, "%&=\\"},
    Anchor{{"=66=", 3}, 0, 0, read_text},
    Anchor{{"=66c", 3}, 0, 0, read_text},
    // numbers in decimal digits
    Anchor{{"102,", 3}, 0, 0, kReadDecimal},
    // wide
    Anchor{{{"f\0c\0", 4}, 4}, 0, 0, read_wide<2>},
    Anchor{{{"f\0\0\0", 4}, 4}, 0, 0, read_wide<4>},
    // further characters
    Anchor{{"fc`", 4}, 0, 0, read_text},
    Anchor{{"f`\n", 4}, 0, 0, read_text},
    Anchor{{"f= \n", 5}, 0, 0, read_text},
    Anchor{{"f\" ", 5}, 0, 0, read_text},
    Anchor{{"f' ", 5}, 0, 0, read_text},
    // in hexadecimal digits
    Anchor{{"635", 5}, 2, kBetween, kReadHex, "6"},
    Anchor{{"63 ", 5}, 2, kBetween, kReadHex, "6"},
    Anchor{{"63,", 5}, 2, kBetween, kReadHex, "6"},
    Anchor{{"63:", 5}, 2, kBetween, kReadHex, "6"},
    Anchor{{"63-", 5}, 2, kBetween, kReadHex, "6"},
    Anchor{{"63\n", 5}, 2, kBetween, kReadHex, "6"},
    Anchor{{"63\r", 5}, 2, kBetween, kReadHex, "6"},
    // base64
    Anchor{{"ZmN", 6}, 0, 0, read_base64<0>},
    Anchor{{"ZjX", 6}, 0, 0, read_base64<4>, "", 1},
    Anchor{{"mY1", 6}, 0, 0, read_base64<2>, "", 1},
    Anchor{{"Gl2Z", 7}, 6, kBetween, read_base64<0>, "Z"},
    Anchor{{"2xpd", 7}, 4, kBetween, read_base64<4>, "Z", 1},
    Anchor{{"9saX", 7}, 4, kBetween, read_base64<2>, "m", 1},
};

constexpr auto kPatterns = [] {
  std::array<Fingerprints::Pattern, kAnchors.size()> patterns{};
  std::ranges::transform(kAnchors, patterns.begin(), &Anchor::fingerprint);
  return patterns;
}();
constexpr Fingerprints kFingerprints(kPatterns);

/// Looks for the key whose fingerprint is at `at`: where it begins is tried out, a few times, so
/// that hostile bytes do not take long.
bool read_at(std::string_view text, std::size_t at, const Anchor& anchor, Leak& leak) {
  constexpr int kMaxTries = 4;
  const std::size_t max = std::min(at, anchor.offset + anchor.range);
  int tries = 0;
  for (std::size_t offset = anchor.offset; offset <= max && tries < kMaxTries; ++offset) {
    const std::size_t start = at - offset;
    if (!anchor.first.empty() && anchor.first.find(text[start]) == std::string_view::npos) {
      continue;
    }
    ++tries;
    if (anchor.read(text.substr(start, kMaxLeakLength), leak)) {
      leak.offset = start - std::min(start, anchor.before);
      return true;
    }
  }
  return false;
}

}  // namespace

std::string_view name_of(LeakForm form) {
  constexpr std::array<std::string_view, 11> kNames{
      "plain", "split", "percent", "html", "backslash", "quoted-printable",
      "utf16", "utf32", "base64",  "hex",  "decimal"};
  return kNames.at(static_cast<std::size_t>(form));
}

void find_leaks(std::string_view text, const std::function<void(const Leak&)>& visit) {
  find_leaks(text, {0, text.size()}, visit);
}

void find_leaks(std::string_view text, Span part, const std::function<void(const Leak&)>& visit) {
  // Both fingerprints of an encoding may be before and behind the end of a line.
  std::optional<std::size_t> last;
  for (auto hit = kFingerprints.find(text, part.from); hit && hit->offset < part.to;
       hit = kFingerprints.find(text, hit->offset + 1)) {
    Leak leak;
    if (read_at(text, hit->offset, kAnchors[hit->pattern], leak) && leak.offset != last) {
      visit(leak);
      last = leak.offset;
    }
  }
}

}  // namespace nexakey::scan
