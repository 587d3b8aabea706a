#include "core/credential.h"

#include <algorithm>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <openssl/crypto.h>

#include "core/text.h"

namespace nexakey::core {
namespace {

constexpr std::string_view kKeyAlphabet =
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The largest multiple of 62 that fits into a byte: bytes from here on would favour some
/// characters.
constexpr std::uint8_t kFairBytes = 256 / kKeyAlphabet.size() * kKeyAlphabet.size();

constexpr std::array kForms{kApiKeyForm, kTokenForm};

}  // namespace

bool CredentialForm::matches(std::string_view text) const {
  return text.size() == length() && text.starts_with(prefix) &&
         std::ranges::all_of(text.substr(prefix.size()), is_alphanumeric);
}

std::size_t CredentialForm::find_in(std::string_view text, std::size_t from) const {
  std::size_t at = text.find(prefix, from);
  while (at != std::string_view::npos && !matches(text.substr(at, length()))) {
    at = text.find(prefix, at + 1);
  }
  return at;
}

Secret CredentialForm::generate(const RandomSource& random) const {
  std::string text;
  text.reserve(length());
  text = prefix;
  std::array<std::uint8_t, 64> bytes{};
  while (text.size() < length()) {
    if (!random(bytes)) {
      wipe(text);
      throw RandomnessError();
    }
    for (const std::uint8_t byte : bytes) {
      if (byte < kFairBytes && text.size() < length()) {
        text += kKeyAlphabet[byte % kKeyAlphabet.size()];
      }
    }
  }
  OPENSSL_cleanse(bytes.data(), bytes.size());
  return Secret(std::move(text));
}

bool contains_credential(std::string_view text) {
  return std::ranges::any_of(kForms, [&](const CredentialForm& form) {
    return form.find_in(text) != std::string_view::npos;
  });
}

std::string mask_urls(std::string text) {
  constexpr std::string_view kMask = "…";
  constexpr std::string_view kEnds = " \t\n\"'";
  for (std::size_t at = text.find("://"); at != std::string::npos; at = text.find("://", at)) {
    at += 3;
    const std::size_t end = std::min(text.find_first_of(kEnds, at), text.size());
    const std::size_t user_end = text.substr(0, end).rfind('@');
    const std::size_t colon = text[at] == '[' ? end : text.find(':', at);
    if (user_end != std::string::npos && user_end >= at) {
      text.replace(at, user_end - at, kMask);
    } else if (colon < end &&
               (colon + 1 == end || (text[colon + 1] < '0' || text[colon + 1] > '9'))) {
      text.replace(colon + 1, end - colon - 1, kMask);
    }
  }
  const auto is_same = [](char a, char b) { return to_lower(a) == b; };
  constexpr std::string_view kPassword = "password=";
  for (auto from = text.begin();;) {
    const auto found = std::search(from, text.end(), kPassword.begin(), kPassword.end(), is_same);
    if (found == text.end()) {
      return text;
    }
    const auto at = static_cast<std::size_t>(found - text.begin()) + kPassword.size();
    text.replace(at, std::min(text.find_first_of("& \t\n\"'", at), text.size()) - at, kMask);
    from = text.begin() + static_cast<std::ptrdiff_t>(at + kMask.size());
  }
}

std::string mask_credentials(std::string text) {
  // Finds all before it masks any, from the last to the first: two may overlap by the beginning of
  // a prefix, and the second would not be found without it.
  std::vector<std::pair<std::size_t, const CredentialForm*>> found;
  for (const CredentialForm& form : kForms) {
    for (std::size_t at = form.find_in(text); at != std::string::npos;
         at = form.find_in(text, at + 1)) {
      found.emplace_back(at, &form);
    }
  }
  std::ranges::sort(found, std::ranges::greater());
  for (const auto& [at, form] : found) {
    text.replace(at + form->prefix.size(), form->random_length, "…");
  }
  return text;
}

std::string_view last_four(std::string_view text) { return text.substr(text.size() - 4); }

}  // namespace nexakey::core
