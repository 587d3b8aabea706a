#pragma once

#include <string>
#include <string_view>

#include "core/random.h"
#include "core/secret.h"
#include "core/sha256.h"

namespace nexakey::core {

/// The form of one kind of secret: a prefix that identifies the kind, and random characters of
/// [0-9A-Za-z].
struct CredentialForm {
  std::string_view prefix;
  std::size_t random_length = 0;

  [[nodiscard]] constexpr std::size_t length() const { return prefix.size() + random_length; }
  /// Whether the whole of `text` has this form.
  [[nodiscard]] bool matches(std::string_view text) const;
  /// The position of the first one in `text`, from `from` on; npos if there is none.
  [[nodiscard]] std::size_t find_in(std::string_view text, std::size_t from = 0) const;
  /// Generates one, each character uniformly. Throws RandomnessError if `random` fails.
  [[nodiscard]] Secret generate(const RandomSource& random) const;
};

/// API keys, and tokens for the remote store.
inline constexpr CredentialForm kApiKeyForm{"fc_live_", 28};
inline constexpr CredentialForm kTokenForm{"nxk_", 40};

/// Whether `text` contains a complete key or token.
bool contains_credential(std::string_view text);

/// `text` with `fc_live_…` or `nxk_…` in place of each key and token in it.
std::string mask_credentials(std::string text);

/// Masks what may be a user and a password in each URL of a text: everything between `://` and the
/// last @ of the word, or, without an @, a port that is not a number; also the value of a parameter
/// whose name ends in "password".
std::string mask_urls(std::string text);

/// SHA-256 of a complete secret, the only form in which a store has it. A secret has at least 166
/// random bits, so a salt or a slow hash would add nothing.
using CredentialHash = Sha256;

inline CredentialHash hash_credential(std::string_view text) { return sha256(text); }

/// The last four characters of a secret, which may be shown so that its holder recognizes it.
std::string_view last_four(std::string_view text);

}  // namespace nexakey::core
