#include <string>

#include "core/id_token.h"
#include "core/json.h"
#include "server/jwks.h"
#include "tests/fuzz/target.h"

using namespace nexakey;

/// ID tokens from clients, and sets of keys from issuers.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  const auto token = core::parse_id_token(text);
  if (token) {
    fuzz::expect(!token->key_id.empty() && !token->issuer.empty() && !token->subject.empty() &&
                     !token->audiences.empty(),
                 "an ID token has what is required");
    fuzz::expect(text.starts_with(token->signed_text), "the beginning of an ID token is signed");
  }
  const auto jwks = server::parse_jwks(text);
  for (const auto& [id, key] : jwks.value_or(server::Jwks())) {
    fuzz::expect(key.key != nullptr, "a set has only keys");
    core::IdToken unsigned_token;
    unsigned_token.algorithm = key.algorithm;
    unsigned_token.signed_text = id;
    unsigned_token.signature = std::string(64, 'x');
    fuzz::expect(!server::is_signed_with(unsigned_token, key), "nothing is signed with any key");
  }
  if (const auto trust = core::trust_from_json(text); trust && core::check_trust(*trust)) {
    const auto again = core::trust_from_json(core::trust_to_json(*trust));
    fuzz::expect(again && *again == *trust, "a trust stays the same");
  }
  return 0;
}
