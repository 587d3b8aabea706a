#include "server/jwks.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>
#include <openssl/core_names.h>

#include "core/json.h"
#include "server/libcrypto.h"

namespace nexakey::server {
namespace {

using core::Json;
using core::JwsAlgorithm;

constexpr std::size_t kMaxKeys = 100;
constexpr std::size_t kMinModulus = 256;   // bytes
constexpr std::size_t kMaxModulus = 1024;  // a longer one would make a verification slow
constexpr std::size_t kMaxExponent = 8;
constexpr std::size_t kCoordinate = 32;  // of P-256

std::optional<std::string> bytes_of(const Json& key, const char* name) {
  const std::string* const text = core::find_text(key, name);
  return text == nullptr ? std::nullopt : core::decode_base64url(*text);
}

bool has_text(const Json& key, const char* name, std::string_view text) {
  const std::string* const found = core::find_text(key, name);
  return found != nullptr && *found == text;
}

/// Whether a member is absent or has this text.
bool may_be(const Json& key, const char* name, std::string_view text) {
  return !key.contains(name) || has_text(key, name, text);
}

OSSL_PARAM param(const char* name, unsigned type, std::string& bytes) {
  return {.key = name,
          .data_type = type,
          .data = bytes.data(),
          .data_size = bytes.size(),
          .return_size = 0};
}

std::shared_ptr<EVP_PKEY> make_key(const char* kind, OSSL_PARAM* parameters) {
  const auto library = libcrypto();
  if (!library) {
    return nullptr;
  }
  const LibCrypto& crypto = **library;
  const std::unique_ptr<EVP_PKEY_CTX, decltype(crypto.pkey_ctx_free)> context(
      crypto.pkey_ctx_new_from_name(nullptr, kind, nullptr), crypto.pkey_ctx_free);
  EVP_PKEY* key = nullptr;
  const bool is_made =
      context && crypto.pkey_fromdata_init(context.get()) == 1 &&
      crypto.pkey_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters) == 1;
  crypto.clear_error();
  return is_made ? std::shared_ptr<EVP_PKEY>(key, crypto.pkey_free) : nullptr;
}

/// RFC 7518, 6.3.1.
std::shared_ptr<EVP_PKEY> make_rsa(const Json& json) {
  auto modulus = bytes_of(json, "n");
  auto exponent = bytes_of(json, "e");
  if (!modulus || !exponent || modulus->size() < kMinModulus || modulus->size() > kMaxModulus ||
      exponent->empty() || exponent->size() > kMaxExponent || modulus->front() == '\0') {
    return nullptr;
  }
  // OpenSSL takes numbers in the byte order of the machine.
  std::ranges::reverse(*modulus);
  std::ranges::reverse(*exponent);
  std::array<OSSL_PARAM, 3> parameters{
      param(OSSL_PKEY_PARAM_RSA_N, OSSL_PARAM_UNSIGNED_INTEGER, *modulus),
      param(OSSL_PKEY_PARAM_RSA_E, OSSL_PARAM_UNSIGNED_INTEGER, *exponent), OSSL_PARAM{}};
  return make_key("RSA", parameters.data());
}

/// RFC 7518, 6.2.1, and SEC 1, 2.3.3 (an uncompressed point).
std::shared_ptr<EVP_PKEY> make_p256(const Json& json) {
  const auto x = bytes_of(json, "x");
  const auto y = bytes_of(json, "y");
  if (!has_text(json, "crv", "P-256") || !x || !y || x->size() != kCoordinate ||
      y->size() != kCoordinate) {
    return nullptr;
  }
  std::string group = "prime256v1";
  std::string point = "\x04" + *x + *y;
  std::array<OSSL_PARAM, 3> parameters{
      param(OSSL_PKEY_PARAM_GROUP_NAME, OSSL_PARAM_UTF8_STRING, group),
      param(OSSL_PKEY_PARAM_PUB_KEY, OSSL_PARAM_OCTET_STRING, point), OSSL_PARAM{}};
  return make_key("EC", parameters.data());
}

/// Nothing if it is not a key that ID tokens can be signed with.
std::optional<IssuerKey> read_key(const Json& json) {
  if (!json.is_object() || !may_be(json, "use", "sig")) {
    return std::nullopt;
  }
  IssuerKey key;
  if (has_text(json, "kty", "RSA") && may_be(json, "alg", "RS256")) {
    key = {.algorithm = JwsAlgorithm::rs256, .key = make_rsa(json)};
  } else if (has_text(json, "kty", "EC") && may_be(json, "alg", "ES256")) {
    key = {.algorithm = JwsAlgorithm::es256, .key = make_p256(json)};
  }
  return key.key ? std::optional(std::move(key)) : std::nullopt;
}

/// An unsigned number in DER (X.690, 8.3).
std::string der_integer(std::string_view bytes) {
  bytes.remove_prefix(std::min(bytes.find_first_not_of('\0'), bytes.size() - 1));
  std::string number;
  if ((static_cast<unsigned char>(bytes.front()) & 0x80U) != 0) {
    number += '\0';
  }
  number += bytes;
  return std::string{'\x02', static_cast<char>(number.size())} + number;
}

/// The signature of ES256, two numbers of 32 bytes, as OpenSSL takes it: Ecdsa-Sig-Value of RFC
/// 3279, 2.2.3. Empty if it has another length.
std::string der_signature(std::string_view signature) {
  if (signature.size() != 2 * kCoordinate) {
    return {};
  }
  const std::string numbers =
      der_integer(signature.substr(0, kCoordinate)) + der_integer(signature.substr(kCoordinate));
  return std::string{'\x30', static_cast<char>(numbers.size())} + numbers;
}

const unsigned char* unsigned_bytes(const std::string& text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

core::Result<Jwks> parse_jwks(std::string_view text) {
  if (const auto library = libcrypto(); !library) {
    return tl::unexpected(library.error());
  }
  const auto json = core::parse_json(text);
  if (!json || !json->is_object() || !json->contains("keys") || !(*json)["keys"].is_array()) {
    return core::fail(core::ErrorCode::failed, "it is not a set of keys (JWKS)");
  }
  const Json& keys = (*json)["keys"];
  if (keys.size() > kMaxKeys) {
    return core::fail(core::ErrorCode::failed, "it has more than 100 keys");
  }
  Jwks jwks;
  for (const Json& one : keys) {
    auto key = read_key(one);
    const std::string* const id = core::find_text(one, "kid");
    if (!key || id == nullptr) {
      continue;
    }
    if (!jwks.try_emplace(*id, *std::move(key)).second) {
      return core::fail(core::ErrorCode::failed, "it has two keys with one kid");
    }
  }
  return jwks;
}

bool is_signed_with(const core::IdToken& token, const IssuerKey& key) {
  const auto library = libcrypto();
  if (!library || token.algorithm != key.algorithm) {
    return false;
  }
  const LibCrypto& crypto = **library;
  const std::string signature =
      token.algorithm == JwsAlgorithm::es256 ? der_signature(token.signature) : token.signature;
  const std::unique_ptr<EVP_MD_CTX, decltype(crypto.md_ctx_free)> context(crypto.md_ctx_new(),
                                                                          crypto.md_ctx_free);
  const bool is_valid =
      context && !signature.empty() &&
      crypto.digest_verify_init(context.get(), nullptr, "SHA256", nullptr, nullptr, key.key.get(),
                                nullptr) == 1 &&
      crypto.digest_verify(context.get(), unsigned_bytes(signature), signature.size(),
                           unsigned_bytes(token.signed_text), token.signed_text.size()) == 1;
  crypto.clear_error();
  return is_valid;
}

}  // namespace nexakey::server
