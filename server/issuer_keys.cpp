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

}  // namespace

Fetch fetch_with_curl(std::string ca_file) {
  return [ca_file = std::move(ca_file)](const std::string& url) {
    return store::fetch(url, core::Secret(), ca_file);
  };
}

Result<std::optional<IssuerKey>> IssuerKeys::find(const std::string& issuer,
                                                  const std::string& key_id,
                                                  Clock::time_point now) {
  Issuer* own = nullptr;
  {
    const std::lock_guard lock(mutex_);
    auto& place = issuers_[issuer];
    if (!place) {
      place = std::make_unique<Issuer>();
    }
    own = place.get();
  }
  const std::lock_guard lock(own->mutex);
  const auto is_within = [&](const auto& time, auto span) { return time && now - *time < span; };
  const bool is_wanted = !is_within(own->fetched_at, kMaxFresh) || !own->keys.contains(key_id);
  if (is_wanted && !is_within(own->asked_at, kMinInterval)) {
    refresh(*own, issuer, now);
  }
  if (!is_within(own->fetched_at, kMaxStale)) {
    return core::fail(core::ErrorCode::store_unavailable,
                      "the keys of the issuer are not known: " + own->problem,
                      "try again in a minute");
  }
  const auto key = own->keys.find(key_id);
  return key == own->keys.end() ? std::nullopt : std::optional(key->second);
}

void IssuerKeys::refresh(Issuer& issuer, const std::string& url, Clock::time_point now) {
  issuer.asked_at = now;
  const std::string base = url.ends_with('/') ? url.substr(0, url.size() - 1) : url;
  auto keys = fetch_(base + "/.well-known/openid-configuration")
                  .and_then([&](const std::string& text) { return keys_url(text, url); })
                  .and_then([&](const std::string& at) { return fetch_(at); })
                  .and_then([](const std::string& text) { return parse_jwks(text); });
  if (keys) {
    issuer.keys = *std::move(keys);
    issuer.fetched_at = now;
    issuer.problem.clear();
  } else {
    issuer.problem = keys.error().message;
  }
}

}  // namespace nexakey::server
