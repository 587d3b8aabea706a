#include "server/issuer_keys.h"

#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "core/json.h"
#include "core/secret.h"
#include "core/text.h"
#include "store/fetch.h"

namespace nexakey::server {
namespace {

using core::Result;

/// The URL of the keys in the configuration of an issuer. Error: `failed`, also if it names another
/// issuer (OpenID Connect Discovery 1.0, 4.3).
Result<std::string> keys_url(const std::string& configuration, const std::string& issuer) {
  const auto json = core::parse_json(configuration);
  const std::string* const named = json ? core::find_text(*json, "issuer") : nullptr;
  const std::string* const url = json ? core::find_text(*json, "jwks_uri") : nullptr;
  if (named == nullptr || *named != issuer || url == nullptr || url->empty()) {
    return core::fail(core::ErrorCode::failed, "the configuration of the issuer " + issuer +
                                                   " does not name it, or has no jwks_uri");
  }
  constexpr std::string_view kTls = "https://";
  if (issuer.starts_with(kTls) && !url->starts_with(kTls)) {
    return core::fail(core::ErrorCode::failed, "the jwks_uri of " + issuer + " is not https");
  }
  return *url;
}

Result<Jwks> fetch_jwks(const Fetch& fetch, const std::string& issuer) {
  const std::string base = issuer.ends_with('/') ? issuer.substr(0, issuer.size() - 1) : issuer;
  return fetch(base + "/.well-known/openid-configuration")
      .and_then([&](const std::string& text) { return keys_url(text, issuer); })
      .and_then([&](const std::string& url) { return fetch(url); })
      .and_then([](const std::string& text) { return parse_jwks(text); });
}

}  // namespace

Fetch fetch_with_curl(std::string ca_file) {
  return [ca_file = std::move(ca_file)](const std::string& url) {
    return store::fetch(url, core::Secret(), ca_file);
  };
}

Result<std::optional<IssuerKey>> IssuerKeys::find(const std::string& issuer,
                                                  const std::string& key_id,
                                                  Clock::time_point now) {
  std::unique_lock lock(mutex_);
  Issuer& own = issuers_[issuer];
  const auto is_within = [&](const auto& time, auto span) { return time && now - *time < span; };
  const auto is_known = [&](auto span) {
    return is_within(own.fetched_at, span) && own.keys.contains(key_id);
  };
  if (!is_known(kMaxFresh) && !is_within(own.asked_at, kMinInterval)) {
    refresh(own, issuer, now, lock);
  }
  if (is_known(kMaxStale)) {
    return own.keys.at(key_id);
  }
  if (!own.problem.empty()) {
    return core::fail(core::ErrorCode::failed,
                      "the keys of the issuer are not known: " + own.problem);
  }
  return std::nullopt;
}

void IssuerKeys::refresh(Issuer& issuer, const std::string& url, Clock::time_point now,
                         std::unique_lock<std::mutex>& lock) {
  issuer.asked_at = now;
  issuer.problem = "it has not answered yet";
  lock.unlock();
  auto keys = fetch_jwks(fetch_, url);
  lock.lock();
  if (keys) {
    issuer.keys = *std::move(keys);
    issuer.fetched_at = now;
    issuer.problem.clear();
  } else {
    issuer.problem = keys.error().message;
  }
}

}  // namespace nexakey::server
