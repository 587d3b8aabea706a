#include "scan/leak_finder.h"

#include <algorithm>
#include <array>
#include <bitset>
#include <cstring>
#include <optional>

#include <openssl/crypto.h>

#include "core/text.h"
#include "scan/fingerprints.h"

namespace nexakey::scan {
namespace {

/// The size of a read; it fits the cache.
constexpr std::size_t kBufferSize = 262144;

/// Decodes one character of a possible key at a time.
class PlainDecoder {
 public:
  explicit PlainDecoder(std::string_view text) : text_(text) {}
  std::optional<char> next() {
    if (text_.empty()) {
      return std::nullopt;
    }
    const bool in_prefix = taken_++ < core::kApiKeyPrefix.size();
    if (in_prefix && (text_.starts_with("%5F") || text_.starts_with("%5f"))) {
      text_.remove_prefix(3);
      is_encoded_ = true;
      return '_';
    }
    const char c = text_.front();
    text_.remove_prefix(1);
    return c;
  }
  [[nodiscard]] bool is_encoded() const { return is_encoded_; }

 private:
  std::string_view text_;
  std::size_t taken_ = 0;
  bool is_encoded_ = false;
};

/// From the first character on, both byte orders are the same: a zero between any two characters.
class Utf16Decoder {
 public:
  explicit Utf16Decoder(std::string_view text) : text_(text) {}
  std::optional<char> next() {
    if (at_ >= text_.size() || (at_ > 0 && text_[at_ - 1] != '\0')) {
      return std::nullopt;
    }
    const char c = text_[at_];
    at_ += 2;
    return c;
  }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};

/// Reads the digits of an encoding.
class Digits {
 public:
  explicit Digits(std::string_view text) : text_(text) {}
  /// The next digit; zero at the end. Skips line ends and indentation if `in_key`: a line end after
  /// the key ends its text.
  char take(bool in_key) {
    while (in_key && !text_.empty() && blanks_ < kMaxBlanks && is_blank(text_.front())) {
      ++blanks_;
      text_.remove_prefix(1);
    }
    if (text_.empty()) {
      return '\0';
    }
    const char digit = text_.front();
    text_.remove_prefix(1);
    return digit;
  }

 private:
  static bool is_blank(char c) { return c == '\n' || c == '\r' || c == ' ' || c == '\t'; }

  static constexpr int kMaxBlanks = 64;
  std::string_view text_;
  int blanks_ = 0;
};

class HexDecoder {
 public:
  explicit HexDecoder(std::string_view text) : digits_(text) {}
  std::optional<char> next() {
    const bool in_key = taken_++ < core::kApiKeyLength;
    const int high = value_of(digits_.take(in_key));
    const int low = high < 0 ? -1 : value_of(digits_.take(in_key));
    return low < 0 ? std::nullopt : std::optional(static_cast<char>(high * 16 + low));
  }

 private:
  static int value_of(char c) {
    if (c >= '0' && c <= '9') {
      return c - '0';
    }
    const char lower = static_cast<char>(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
  }

  Digits digits_;
  std::size_t taken_ = 0;
};

/// The two alphabets differ in the digits 62 and 63, which the encoding of a key never has.
class Base64Decoder {
 public:
  /// `skip`: the bits of the first digit that belong to the byte before the key.
  Base64Decoder(std::string_view text, unsigned skip) : digits_(text), skip_(skip) {}
  std::optional<char> next() {
    const bool in_key = taken_++ < core::kApiKeyLength;
    while (count_ < 8) {
      const int digit = value_of(digits_.take(in_key));
      if (digit < 0) {
        return std::nullopt;
      }
      bits_ = (bits_ << 6U) | static_cast<unsigned>(digit);
      count_ += 6 - skip_;
      skip_ = 0;
    }
    count_ -= 8;
    return static_cast<char>((bits_ >> count_) & 0xFFU);
  }

 private:
  static int value_of(char c) {
    if (c >= 'A' && c <= 'Z') {
      return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
      return c - 'a' + 26;
    }
    return c >= '0' && c <= '9' ? c - '0' + 52 : -1;
  }

  Digits digits_;
  unsigned skip_;
  std::size_t taken_ = 0;
  unsigned bits_ = 0;
  unsigned count_ = 0;
};

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

bool read_text(std::string_view text, Leak& leak) {
  PlainDecoder decoder(text);
  const bool found = read_leak(decoder, leak);
  leak.form = decoder.is_encoded() ? LeakForm::percent : LeakForm::plain;
  return found;
}

bool read_utf16(std::string_view text, Leak& leak) {
  Utf16Decoder decoder(text);
  leak.form = LeakForm::utf16;
  return read_leak(decoder, leak);
}

bool read_hex(std::string_view text, Leak& leak) {
  HexDecoder decoder(text);
  leak.form = LeakForm::hex;
  return read_leak(decoder, leak);
}

template <unsigned skip>
bool read_base64(std::string_view text, Leak& leak) {
  Base64Decoder decoder(text, skip);
  leak.form = LeakForm::base64;
  return read_leak(decoder, leak);
}

/// The encoded beginning of every key; in base64 it depends on the number of bytes before the key.
/// The first digit also depends on their values if a part of it belongs to them.
struct Anchor {
  std::string_view fingerprint;
  std::size_t offset;  ///< in the encoded key
  bool (*read)(std::string_view text, Leak& leak);
};

constexpr std::array<Anchor, 7> kAnchors{{
    {"fc_l", 0, read_text},
    {"fc%5", 0, read_text},
    {{"f\0c\0", 4}, 0, read_utf16},
    {"635", 2, read_hex},
    {"ZmN", 0, read_base64<0>},
    {"ZjX", 1, read_base64<2>},
    {"mY1", 1, read_base64<4>},
}};

constexpr Fingerprints kFingerprints{kAnchors[0].fingerprint, kAnchors[1].fingerprint,
                                     kAnchors[2].fingerprint, kAnchors[3].fingerprint,
                                     kAnchors[4].fingerprint, kAnchors[5].fingerprint,
                                     kAnchors[6].fingerprint};

}  // namespace

std::string_view name_of(LeakForm form) {
  switch (form) {
    case LeakForm::percent:
      return "percent";
    case LeakForm::utf16:
      return "utf16";
    case LeakForm::base64:
      return "base64";
    case LeakForm::hex:
      return "hex";
    case LeakForm::plain:
      break;
  }
  return "plain";
}

void find_leaks(std::string_view text, const std::function<void(const Leak&)>& visit) {
  for (auto hit = kFingerprints.find(text, 0); hit;
       hit = kFingerprints.find(text, hit->offset + 1)) {
    const Anchor& anchor = kAnchors[hit->pattern];
    if (hit->offset < anchor.offset) {
      continue;
    }
    Leak leak;
    leak.offset = hit->offset - anchor.offset;
    if (anchor.read(text.substr(leak.offset, kMaxLeakLength), leak)) {
      visit(leak);
    }
  }
}

LeakSearch::LeakSearch() : buffer_(kBufferSize) {}

void LeakSearch::begin() {
  size_ = 0;
  counted_ = 0;
  position_ = {};
}

void LeakSearch::make_room(const Visit& visit) {
  if (room_size() > 0) {
    return;
  }
  // A key that begins in the last bytes may be incomplete; it is found when the rest has been read.
  const std::size_t end = size_ - kMaxLeakLength;
  search(end, visit);
  advance(end);
  std::memmove(buffer_.data(), buffer_.data() + end, kMaxLeakLength);
  size_ = kMaxLeakLength;
  counted_ = 0;
}

void LeakSearch::finish(const Visit& visit) {
  search(size_, visit);
  begin();
}

void LeakSearch::search(std::size_t end, const Visit& visit) {
  find_leaks(pending(), [&](const Leak& leak) {
    if (leak.offset < end) {
      advance(leak.offset);
      visit(leak, position_);
    }
  });
}

void LeakSearch::advance(std::size_t offset) {
  const char* const end = buffer_.data() + offset;
  const char* at = buffer_.data() + counted_;
  while (at < end) {
    const auto* const newline =
        static_cast<const char*>(std::memchr(at, '\n', static_cast<std::size_t>(end - at)));
    if (newline == nullptr) {
      position_.column += static_cast<std::size_t>(end - at);
      break;
    }
    ++position_.line;
    position_.column = 1;
    at = newline + 1;
  }
  counted_ = std::max(counted_, offset);
}

}  // namespace nexakey::scan
