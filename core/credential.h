#pragma once

#include <string>
#include <string_view>

#include "core/random.h"
#include "core/secret.h"
#include "core/sha256.h"

namespace nexakey::core {

/// The form of the secrets of one kind: a prefix that says what they are, and random characters of
/// [0-9A-Za-z].
struct CredentialForm {
  std::string_view prefix;
  std::size_t random_length = 0;

  [[nodiscard]] constexpr std::size_t length() const { return prefix.size() + random_length; }
  /// Whether `text` is one and nothing else.
  [[nodiscard]] bool matches(std::string_view text) const;
  /// Where the first one in `text` begins, from `from` on; npos: there is none.
  [[nodiscard]] std::size_t find_in(std::string_view text, std::size_t from = 0) const;
  /// Makes one; each character is uniform. Throws RandomnessError if `random` fails.
  [[nodiscard]] Secret generate(const RandomSource& random) const;
};

/// A key is this prefix and exactly 28 characters of [0-9A-Za-z]; a token for the remote store
/// likewise.
inline constexpr CredentialForm kApiKeyForm{"fc_live_", 28};
inline constexpr CredentialForm kTokenForm{"nxk_", 40};

/// Whether a whole key or token stands anywhere in `text`.
bool contains_credential(std::string_view text);

/// `text` with `fc_live_…` or `nxk_…` in place of each key and token in it.
std::string mask_credentials(std::string text);

/// Masks what may be a user and a password in each URL of a text: all between `://` and the last @
/// before the end of the word, or, without an @, a port that is not a number; and the value of a
/// parameter whose name ends in "password".
std::string mask_urls(std::string text);

/// SHA-256 of a whole secret: all that a store ever knows of it. With 166 random bits
/// and more in it there is nothing for a salt or a slow hash to protect.
using CredentialHash = Sha256;

inline CredentialHash hash_credential(std::string_view text) { return sha256(text); }

/// The last four characters: what may be shown of a secret so that its holder recognises it.
std::string_view last_four(std::string_view text);

}  // namespace nexakey::core
