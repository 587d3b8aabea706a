#include "core/decision.h"

#include <algorithm>
#include <array>

#include "core/endpoint.h"
#include "core/text.h"

namespace nexakey::core {
namespace {

constexpr std::string_view kChallenge = "Bearer realm=\"nexakey\"";

/// In Unix seconds, rounded up. The sum is in milliseconds, because nanoseconds wrap in 2262.
std::int64_t reset_time(Time now, Tick reset_in) {
  using namespace std::chrono;
  return ceil<seconds>(now.time_since_epoch() + ceil<milliseconds>(reset_in)).count();
}

bool is_in_workspace(const Request& request, const KeyRules& key) {
  return !request.workspace || *request.workspace == key.workspace;
}

bool is_allowed_method(const KeyRules& key, std::string_view method) {
  const auto needed = scope_for(method);
  return needed && key.scopes.has(*needed);
}

/// The method of the request that the scopes do not allow; null: all are allowed.
const std::string* find_forbidden_method(const Request& request, const KeyRules& key) {
  if (!is_allowed_method(key, request.method)) {
    return &request.method;
  }
  return request.override_method.empty() || is_allowed_method(key, request.override_method)
             ? nullptr
             : &request.override_method;
}

std::string describe_need(const std::string& method) {
  const auto needed = scope_for(method);
  return method +
         (needed ? " needs " + std::string(name_of(*needed)) : " is not allowed by any scope");
}

/// What an explanation describes.
struct Explained {
  const Request& request;
  const KeyRules* key;  ///< null: the store has no such key, or could not read it in time
  const Decision& decision;
  Time now;
};

std::string describe_credential(const Explained& explained) {
  if (explained.request.key_id) {
    return "the key is named by its id";
  }
  return explained.request.credential == Credential::missing ? "no key was given"
                                                             : "a key was given";
}

std::string describe_format(const Explained& explained) {
  if (explained.request.key_id) {
    return "an id stands for a key";
  }
  return explained.request.credential == Credential::malformed
             ? "it is not fc_live_ and 28 letters and digits"
             : "it has the form of a key";
}

std::string describe_known(const Explained& explained) {
  const auto& [request, key, decision, now] = explained;
  if (key == nullptr) {
    return decision.reason == Reason::busy_key ? "the store could not read it in time"
                                               : "the store has no such key";
  }
  return key->id.to_string() + " in workspace " + key->workspace +
         (request.workspace ? ", asked for in " + *request.workspace : "");
}

std::string describe_since(std::string_view state, const std::optional<Time>& time) {
  return time ? std::string(state) + " " + format_time(*time) : "not " + std::string(state);
}

std::string describe_expiry(const Explained& explained) {
  const auto& expires_at = explained.key->expires_at;
  return expires_at ? "expires " + format_time(*expires_at) + ", now " + format_time(explained.now)
                    : "never expires";
}

std::string describe_whitelist(const Explained& explained) {
  const auto& ip = explained.request.ip;
  const Whitelist& whitelist = explained.key->whitelist;
  const std::string address = ip ? ip->to_string() : "an unknown address";
  if (whitelist.empty()) {
    return address + ", and an empty whitelist allows any";
  }
  const std::size_t count = whitelist.ranges().size();
  const std::string place =
      count == 1 ? " the only range: " : " of " + std::to_string(count) + " ranges: ";
  return address +
         (whitelist.allows(ip) ? (count == 1 ? " is in" : " is in one")
                               : (count == 1 ? " is not in" : " is in none")) +
         place + whitelist.to_text();
}

std::string describe_scopes(const Explained& explained) {
  const auto& [request, key, decision, now] = explained;
  std::string needs = describe_need(request.method);
  if (!request.override_method.empty()) {
    needs += ", and " + describe_need(request.override_method) + " (method override)";
  }
  return needs + ", the key has " + join(key->scopes.names(), ", ");
}

std::string describe_window(const Explained& explained) {
  const auto& [request, key, decision, now] = explained;
  if (decision.reason == Reason::busy_key) {
    return "the window of the key is locked";
  }
  const auto& limit = decision.rate_limit;
  const std::string text = std::to_string(limit ? limit->remaining : 0) + " of " +
                           std::to_string(key->rate_limit) + " a minute remain";
  return decision.reason == Reason::rate_limited && limit
             ? text + ", room at " + format_time(Time(std::chrono::seconds(limit->reset_at)))
             : text;
}

/// A check of an explanation.
struct NamedCheck {
  std::string_view name;
  Reason failure;  ///< of a decision that it decides
  std::string (*describe)(const Explained& explained);
};

/// In the order of `refusal`, which makes the checks.
constexpr std::array kChecks{
    NamedCheck{"credential", Reason::missing_key, describe_credential},
    NamedCheck{"format", Reason::malformed_key, describe_format},
    NamedCheck{"known", Reason::unknown_key, describe_known},
    NamedCheck{"revocation", Reason::revoked_key,
               [](const Explained& e) { return describe_since("revoked", e.key->revoked_at); }},
    NamedCheck{"record", Reason::damaged_key,
               [](const Explained&) { return std::string("the store cannot decode it"); }},
    NamedCheck{"suspension", Reason::suspended_key,
               [](const Explained& e) { return describe_since("suspended", e.key->suspended_at); }},
    NamedCheck{"expiry", Reason::expired_key, describe_expiry},
    NamedCheck{"whitelist", Reason::ip_not_allowed, describe_whitelist},
    NamedCheck{"scope", Reason::insufficient_scope, describe_scopes},
    NamedCheck{"rate limit", Reason::rate_limited, describe_window}};

/// Whether a key is damaged is told only if it is.
bool is_told(const NamedCheck& check, Reason reason) {
  return check.failure != Reason::damaged_key || reason == Reason::damaged_key;
}

}  // namespace

void set_credential(Request& request, std::string_view key) {
  if (key.empty()) {
    request.credential = Credential::missing;
  } else if (!is_api_key(key)) {
    request.credential = Credential::malformed;
  } else {
    request.credential = Credential::key;
    request.key_hash = hash_api_key(key);
  }
}

Result<void> check_upstream_response(const UpstreamResponse& response) {
  return check_method(response.method)
      .and_then([&] { return check_path(response.path); })
      .and_then([&] {
        return response.workspace ? check_workspace(*response.workspace) : Result<void>();
      })
      .and_then([&] {
        return response.status >= 100 && response.status <= 599
                   ? Result<void>()
                   : reject("an HTTP status must be from 100 to 599");
      });
}

std::vector<std::pair<std::string_view, std::string>> Decision::headers() const {
  std::vector<std::pair<std::string_view, std::string>> headers;
  if (rate_limit) {
    headers.emplace_back("X-RateLimit-Limit", std::to_string(rate_limit->limit));
    headers.emplace_back("X-RateLimit-Remaining", std::to_string(rate_limit->remaining));
    headers.emplace_back("X-RateLimit-Reset", std::to_string(rate_limit->reset_at));
    if (rate_limit->retry_after) {
      headers.emplace_back("Retry-After", std::to_string(*rate_limit->retry_after));
    }
  }
  // RFC 6750, 3 and 3.1: no error code if the request had no credential.
  if (status_of(reason) == 401) {
    headers.emplace_back("WWW-Authenticate",
                         std::string(kChallenge) +
                             (reason == Reason::missing_key ? "" : ", error=\"invalid_token\""));
  } else if (reason == Reason::insufficient_scope) {
    std::string challenge(kChallenge);
    challenge += ", error=\"insufficient_scope\"";
    if (needed_scope) {
      challenge.append(", scope=\"").append(name_of(*needed_scope)).append("\"");
    }
    headers.emplace_back("WWW-Authenticate", std::move(challenge));
  }
  return headers;
}

std::optional<Reason> refusal(const Request& request, const KeyRules* key, Time now) {
  if (request.credential == Credential::missing) {
    return Reason::missing_key;
  }
  if (request.credential == Credential::malformed) {
    return Reason::malformed_key;
  }
  if (key == nullptr || !is_in_workspace(request, *key)) {
    return Reason::unknown_key;
  }
  switch (key->status(now)) {
    case KeyStatus::revoked:
      return Reason::revoked_key;
    case KeyStatus::damaged:
      return Reason::damaged_key;
    case KeyStatus::suspended:
      return Reason::suspended_key;
    case KeyStatus::expired:
      return Reason::expired_key;
    case KeyStatus::active:
      break;
  }
  if (!key->whitelist.allows(request.ip)) {
    return Reason::ip_not_allowed;
  }
  if (find_forbidden_method(request, *key) != nullptr) {
    return Reason::insufficient_scope;
  }
  return std::nullopt;
}

Decision conclude(const Request& request, const KeyRules* key, std::optional<Reason> refused,
                  const std::optional<Admission>& admission, Time now) {
  Decision decision;
  const bool admitted = admission && admission->admitted;
  decision.reason = refused.value_or(admitted ? Reason::allowed : Reason::rate_limited);
  decision.client_ip = request.ip;
  decision.ref = request.ref;
  if (decision.reason <= Reason::unknown_key || key == nullptr) {
    return decision;
  }
  decision.key_id = key->id;
  decision.workspace = key->workspace;
  decision.scopes = key->scopes;
  if (decision.reason == Reason::insufficient_scope) {
    const std::string* const method = find_forbidden_method(request, *key);
    decision.needed_scope = method == nullptr ? std::nullopt : scope_for(*method);
  }
  if (admission) {
    decision.rate_limit = RateLimit{.limit = key->rate_limit,
                                    .remaining = admission->remaining,
                                    .reset_at = reset_time(now, admission->reset_in),
                                    .retry_after = std::nullopt};
    if (decision.reason == Reason::rate_limited) {
      decision.rate_limit->retry_after = std::max<std::int64_t>(
          1, std::chrono::ceil<std::chrono::seconds>(admission->reset_in).count());
    }
  }
  return decision;
}

Decision decide(const Request& request, const KeyRules* key, SlidingWindow* window, Time now,
                Tick tick, bool dry_run) {
  const std::optional<Reason> refused = refusal(request, key, now);
  std::optional<Admission> admission;
  if (window != nullptr) {
    admission = refused || dry_run ? window->peek(key->rate_limit, tick)
                                   : window->admit(key->rate_limit, tick);
  }
  return conclude(request, key, refused, admission, now);
}

std::vector<std::string_view> checks_after(std::string_view name) {
  std::vector<std::string_view> names;
  const auto* check = std::ranges::find(kChecks, name, &NamedCheck::name);
  while (check != kChecks.end() && ++check != kChecks.end()) {
    if (is_told(*check, Reason::allowed)) {
      names.push_back(check->name);
    }
  }
  return names;
}

std::vector<Check> explain(const Request& request, const KeyRules* key, const Decision& decision,
                           Time now) {
  // A key that is busy could not be read, or its window could not.
  const Reason failure = decision.reason != Reason::busy_key ? decision.reason
                         : key == nullptr                    ? Reason::unknown_key
                                                             : Reason::rate_limited;
  const Explained explained{.request = request, .key = key, .decision = decision, .now = now};
  std::vector<Check> checks;
  for (const NamedCheck& check : kChecks) {
    if (is_told(check, decision.reason)) {
      checks.push_back(
          {std::string(check.name), check.failure != failure, check.describe(explained)});
      if (!checks.back().passed) {
        break;
      }
    }
  }
  return checks;
}

}  // namespace nexakey::core
