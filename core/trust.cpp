#include "core/trust.h"

#include <algorithm>
#include <array>

#include "core/ip_range.h"
#include "core/text.h"

namespace nexakey::core {
namespace {

constexpr std::size_t kMaxLength = 256;
constexpr std::size_t kMaxClaims = 16;

/// Claims that are checked by themselves, or differ in each ID token (RFC 7519, 4.1).
constexpr std::array<std::string_view, 6> kOwnClaims{"iss", "aud", "exp", "nbf", "iat", "jti"};

bool is_short_text(std::string_view text) {
  return !text.empty() && text.size() <= kMaxLength && printable(text) == text;
}

/// The host of what follows `http://`, without a port.
std::string_view host_of(std::string_view rest) {
  const std::string_view authority = rest.substr(0, rest.find('/'));
  if (authority.starts_with('[')) {
    const std::size_t end = authority.find(']');
    return authority.substr(1, end == std::string_view::npos ? end : end - 1);
  }
  return authority.substr(0, authority.find(':'));
}

Result<void> check_issuer(std::string_view issuer) {
  constexpr std::string_view kTls = "https://";
  constexpr std::string_view kPlain = "http://";
  const bool has_tls = issuer.starts_with(kTls);
  const std::string_view rest =
      issuer.substr(std::min(issuer.size(), has_tls ? kTls.size() : kPlain.size()));
  if (!is_short_text(issuer) || issuer.find_first_of("?#@ \\%") != std::string_view::npos ||
      !(has_tls || issuer.starts_with(kPlain)) || host_of(rest).empty()) {
    return reject(quote(issuer) + " is not the URL of an issuer", "use https://HOST[/PATH]");
  }
  if (!has_tls && !is_loopback_host(host_of(rest))) {
    return reject("the issuer " + std::string(issuer) + " is not reached over https",
                  "anybody on the network could answer for it");
  }
  return {};
}

Result<void> check_claim(const std::string& name, const std::string& value) {
  if (std::ranges::find(kOwnClaims, name) != kOwnClaims.end()) {
    return reject("a trust cannot require a value of the claim " + name,
                  "leave it out; issuer, audience and times are checked in any case");
  }
  return is_short_text(name) && is_short_text(value)
             ? Result<void>()
             : reject("a claim must have a name and a value of 1 to 256 printable characters");
}

}  // namespace

Result<void> check_trust(const Trust& trust) {
  if (auto issuer = check_issuer(trust.issuer); !issuer) {
    return issuer;
  }
  if (!is_short_text(trust.audience)) {
    return reject("an audience must have 1 to 256 printable characters");
  }
  if (trust.claims.empty()) {
    return reject("a trust needs a claim: the issuer signs tokens for others, too",
                  "add --claim, such as --claim sub=repo:acme/api:ref:refs/heads/main");
  }
  if (trust.claims.size() > kMaxClaims) {
    return reject("a trust has at most 16 claims");
  }
  for (const auto& [name, value] : trust.claims) {
    if (auto claim = check_claim(name, value); !claim) {
      return claim;
    }
  }
  return {};
}

}  // namespace nexakey::core
