#include "scan/key_decoders.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <utility>

#include "core/digit_values.h"
#include "core/text.h"
#include "scan/characters.h"

namespace nexakey::scan {
namespace {

/// The maximum number of bytes between two digits.
constexpr std::size_t kMaxBetween = 64;

bool is_of_key(char c) { return core::is_alphanumeric(c) || c == '_'; }

}  // namespace

char TextDecoder::take(std::size_t size, char value) {
  text_.remove_prefix(size);
  ++taken_;
  return value;
}

std::optional<char> TextDecoder::next() {
  if (text_.empty()) {
    return std::nullopt;
  }
  const char front = text_.front();
  // Behind the key, an escaped letter may be anything: `KEY=41`.
  if (is_of_key(front) || taken_ >= core::kApiKeyLength) {
    return take(1, front);
  }
  const Character escaped = read_character(text_);
  if (is_of_key(escaped.value)) {
    form_ = escaped.form;
    return take(escaped.size, escaped.value);
  }
  const bool is_wide = escaped.value == '\0' && escaped.form != LeakForm::plain;
  const std::size_t end = taken_ == 0 ? 0 : is_wide ? escaped.size : soft_end(text_);
  if (end == 0) {
    return take(1, front);
  }
  form_ = form_ == LeakForm::plain ? LeakForm::split : form_;
  text_.remove_prefix(end);
  return next();
}

std::optional<char> WideDecoder::next() {
  if (at_ >= text_.size()) {
    return std::nullopt;
  }
  for (std::size_t zero = 1; at_ > 0 && zero < width_; ++zero) {
    if (text_[at_ - zero] != '\0') {
      return std::nullopt;
    }
  }
  return text_[std::exchange(at_, at_ + width_)];
}

char Digits::take(bool in_key) {
  in_key = in_key && !std::exchange(is_first_, false);
  for (std::size_t skipped = 0;
       in_key && !text_.empty() && !core::is_alphanumeric(text_.front());) {
    const std::size_t size = read_character(text_).size;
    skipped += size;
    if (skipped > kMaxBetween) {
      return '\0';
    }
    text_.remove_prefix(size);
  }
  if (text_.empty()) {
    return '\0';
  }
  const char digit = text_.front();
  text_.remove_prefix(1);
  return digit;
}

void Digits::skip(std::string_view prefix) {
  const std::size_t between =
      std::min(text_.substr(0, kMaxBetween).find_first_not_of(" \t\r\n,;"), text_.size());
  if (text_.substr(between).starts_with(prefix)) {
    text_.remove_prefix(between + prefix.size());
  }
}

std::optional<char> HexDecoder::next() {
  const bool in_key = taken_++ < core::kApiKeyLength;
  if (in_key && taken_ > 1) {
    digits_.skip("0x");
  }
  const int high = core::hex_value(digits_.take(in_key));
  const int low = high < 0 ? -1 : core::hex_value(digits_.take(in_key));
  return low < 0 ? std::nullopt : std::optional(static_cast<char>(high * 16 + low));
}

Base64Decoder::Base64Decoder(std::string_view text, unsigned known)
    : digits_(text),
      bits_(static_cast<std::uint8_t>(core::kApiKeyPrefix.front()) >> (8 - known)),
      count_(known) {}

std::optional<char> Base64Decoder::next() {
  const bool in_key = taken_++ < core::kApiKeyLength;
  while (count_ < 8) {
    const char c = digits_.take(in_key);
    const int digit = core::is_alphanumeric(c) ? core::base64_value(c) : -1;
    if (digit < 0) {
      return std::nullopt;
    }
    bits_ = (bits_ << 6U) | static_cast<unsigned>(digit);
    count_ += 6;
  }
  count_ -= 8;
  return static_cast<char>((bits_ >> count_) & 0xFFU);
}

std::optional<char> DecimalDecoder::next() {
  if (!is_first_) {
    const std::size_t end =
        std::min(text_.substr(0, kMaxBetween).find_first_not_of(", \t\r\n"), text_.size());
    if (end == 0) {
      return std::nullopt;
    }
    text_.remove_prefix(end);
  }
  is_first_ = false;
  std::uint8_t value = 0;
  const auto [end, error] = std::from_chars(text_.data(), text_.data() + text_.size(), value);
  if (error != std::errc()) {
    return std::nullopt;
  }
  text_.remove_prefix(static_cast<std::size_t>(end - text_.data()));
  return static_cast<char>(value);
}

}  // namespace nexakey::scan
