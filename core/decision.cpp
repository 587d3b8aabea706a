#include "core/decision.h"

#include <algorithm>
#include <array>

#include "core/endpoint.h"
#include "core/put.h"
#include "core/text.h"

namespace nexakey::core {
namespace {

constexpr std::size_t kMaxHeaders = 7;

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

/// The states of the sliding windows or of the quotas.
std::string describe_limits(const Explained& explained, bool quotas, Reason failure) {
  const Decision& decision = explained.decision;
  std::vector<std::string> states;
  for (const auto& [limit, remaining, reset_at, reset_in] : decision.limits) {
    if (is_quota(limit.window) == quotas) {
      states.push_back(std::to_string(remaining) + " of " + words_of(limit));
    }
  }
  const std::string text = join(states, ", ") + " remain";
  return decision.reason == failure
             ? text + ", room at " +
                   format_time(Time(std::chrono::seconds(decision.rate_limit->reset_at)))
             : text;
}

std::string describe_window(const Explained& explained) {
  return explained.decision.reason == Reason::busy_key
             ? "the window of the key is locked"
             : describe_limits(explained, false, Reason::rate_limited);
}

std::string describe_quotas(const Explained& explained) {
  return describe_limits(explained, true, Reason::quota_exceeded);
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
    NamedCheck{"rate limit", Reason::rate_limited, describe_window},
    NamedCheck{"quota", Reason::quota_exceeded, describe_quotas}};

/// Whether a key is damaged is told only if it is, and its quotas only if it has some.
bool is_told(const NamedCheck& check, const Decision& decision) {
  switch (check.failure) {
    case Reason::damaged_key:
      return decision.reason == Reason::damaged_key;
    case Reason::quota_exceeded:
      return !decision.limits.empty() && is_quota(decision.limits.back().limit.window);
    default:
      return true;
  }
}

bool is_refused_by_limit(Reason reason) {
  return reason == Reason::rate_limited || reason == Reason::quota_exceeded;
}

/// Why limits refuse, if they do: the first that has no room decides.
std::optional<Reason> refusal_by_limits(const Windows& windows, std::span<const Room> rooms) {
  for (std::size_t i = 0; i < rooms.size(); ++i) {
    if (!rooms[i].has_room) {
      return is_quota(windows[i].window) ? Reason::quota_exceeded : Reason::rate_limited;
    }
  }
  return std::nullopt;
}

/// Whether X-RateLimit-* tell a limit rather than a shorter one.
bool is_told_before(const LimitState& limit, const LimitState& shorter) {
  const auto share = [](const LimitState& state) {
    return static_cast<double>(state.remaining) / static_cast<double>(state.limit.requests);
  };
  return share(limit) < share(shorter);
}

/// The limit that X-RateLimit-* tell. There is one limit at least.
std::size_t told_limit(const Decision& decision, std::span<const Room> rooms) {
  const bool is_refused = is_refused_by_limit(decision.reason);
  std::optional<std::size_t> told;
  for (std::size_t i = 0; i < rooms.size(); ++i) {
    if (is_refused ? !rooms[i].has_room && (!told || rooms[i].reset_in > rooms[*told].reset_in)
                   : !told || is_told_before(decision.limits[i], decision.limits[*told])) {
      told = i;
    }
  }
  return told.value_or(0);
}

void add_limits(Decision& decision, const Windows& windows, std::span<const Room> rooms, Time now) {
  using std::chrono::ceil;
  using std::chrono::seconds;
  decision.limits.reserve(rooms.size());
  for (std::size_t i = 0; i < rooms.size(); ++i) {
    decision.limits.push_back(
        {.limit = windows[i],
         .remaining = rooms[i].remaining,
         .reset_at = std::min(kLastTime, Time(seconds(reset_time(now, rooms[i].reset_in)))),
         .reset_in = ceil<seconds>(rooms[i].reset_in).count()});
  }
  const std::size_t index = told_limit(decision, rooms);
  const LimitState& told = decision.limits[index];
  decision.rate_limit = RateLimit{.limit = told.limit.requests,
                                  .remaining = told.remaining,
                                  .reset_at = reset_time(now, rooms[index].reset_in),
                                  .retry_after = std::nullopt};
  if (is_refused_by_limit(decision.reason)) {
    decision.rate_limit->retry_after = std::max<std::int64_t>(1, told.reset_in);
  }
}

char* put_quote(char* at, Quotes quotes) {
  return put(quotes == Quotes::escaped ? put(at, '\\') : at, '"');
}

/// Writes `"minute";q=100;w=60`: an item with parameters (RFC 9651, 3.3). A quota has no `w`,
/// because the length of a month varies.
char* put_policy(char* at, const LimitState& state, Quotes quotes) {
  const auto& [window, requests] = state.limit;
  at = put_quote(put_name(put_quote(at, quotes), window), quotes);
  at = put(put(at, ";q="), requests);
  return is_quota(window) ? at : put(put(at, ";w="), seconds_of(window));
}

/// Writes `"minute";r=42;t=7`.
char* put_state(char* at, const LimitState& state, Quotes quotes) {
  at = put_quote(put_name(put_quote(at, quotes), state.limit.window), quotes);
  return put(put(put(put(at, ";r="), state.remaining), ";t="), state.reset_in);
}

/// A list (RFC 9651, 3.1) of what `put_item`, one of the functions above, writes of each limit.
std::string list_of(const std::vector<LimitState>& limits, Quotes quotes,
                    char* (*put_item)(char*, const LimitState&, Quotes)) {
  constexpr std::size_t kMax =
      std::string_view(R"(\"\";q=;w=, )").size() + kMaxWindowLength + 2 * kMaxNumberLength;
  std::string list(kMax * limits.size(), '\0');
  char* at = list.data();
  for (const LimitState& state : limits) {
    at = put_item(at == list.data() ? at : put(at, ", "), state, quotes);
  }
  list.resize(static_cast<std::size_t>(at - list.data()));
  return list;
}

/// A challenge with the code of an error, and the scope that is needed, if they are not empty.
std::string challenge_of(std::string_view error, std::string_view scope, Quotes quotes) {
  const std::string_view quote = quotes == Quotes::escaped ? R"(\")" : "\"";
  std::string challenge = "Bearer ";
  const auto add = [&](std::string_view name, std::string_view value) {
    challenge.append(name).append("=").append(quote).append(value).append(quote);
  };
  add("realm", "nexakey");
  if (!error.empty()) {
    add(", error", error);
  }
  if (!scope.empty()) {
    add(", scope", scope);
  }
  return challenge;
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

std::vector<std::pair<std::string_view, std::string>> Decision::headers(Quotes quotes) const {
  std::vector<std::pair<std::string_view, std::string>> headers;
  headers.reserve(kMaxHeaders);
  if (rate_limit) {
    headers.emplace_back("X-RateLimit-Limit", std::to_string(rate_limit->limit));
    headers.emplace_back("X-RateLimit-Remaining", std::to_string(rate_limit->remaining));
    headers.emplace_back("X-RateLimit-Reset", std::to_string(rate_limit->reset_at));
    if (rate_limit->retry_after) {
      headers.emplace_back("Retry-After", std::to_string(*rate_limit->retry_after));
    }
  }
  if (!limits.empty()) {
    headers.emplace_back("RateLimit-Policy", list_of(limits, quotes, put_policy));
    headers.emplace_back("RateLimit", list_of(limits, quotes, put_state));
  }
  // RFC 6750, 3 and 3.1: no error code if the request had no credential.
  if (status_of(reason) == 401) {
    headers.emplace_back(
        "WWW-Authenticate",
        challenge_of(reason == Reason::missing_key ? "" : "invalid_token", "", quotes));
  } else if (reason == Reason::insufficient_scope) {
    headers.emplace_back(
        "WWW-Authenticate",
        challenge_of("insufficient_scope", needed_scope ? name_of(*needed_scope) : "", quotes));
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
                  std::span<const Room> rooms, Time now) {
  Decision decision;
  const Windows windows = key == nullptr || rooms.empty() ? Windows() : key->windows();
  decision.reason = refused.value_or(refusal_by_limits(windows, rooms).value_or(Reason::allowed));
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
  if (!rooms.empty()) {
    add_limits(decision, windows, rooms, now);
  }
  return decision;
}

bool is_short(const SlidingWindow& log, const Windows& windows, Tick now) {
  return std::ranges::any_of(windows, [&](const Limit& limit) {
    return !is_quota(limit.window) &&
           log.is_short(static_cast<std::uint32_t>(limit.requests), now, length_of(limit.window));
  });
}

Room room_of_quota(const Limit& quota, std::uint64_t used, Time now) {
  return {.has_room = used < quota.requests,
          .remaining = quota.requests - std::min(used, quota.requests),
          .reset_in = end_of(quota.window, now) - now};
}

Decision decide(const Request& request, const KeyRules* key, KeyWindows* windows, Time now,
                Tick tick, bool dry_run) {
  const std::optional<Reason> refused = refusal(request, key, now);
  Rooms rooms;
  if (windows != nullptr) {
    for (const Limit& limit : key->windows()) {
      rooms.push_back(is_quota(limit.window)
                          ? room_of_quota(limit, windows->quotas->used(limit.window, now), now)
                          : windows->log.look(static_cast<std::uint32_t>(limit.requests), tick,
                                              length_of(limit.window)));
    }
    if (!refused && !dry_run && std::ranges::all_of(rooms.all(), &Room::has_room)) {
      windows->log.add(tick);
      if (windows->quotas) {
        windows->quotas->add(now);
      }
      for (Room& room : rooms.all()) {
        --room.remaining;
      }
    }
  }
  return conclude(request, key, refused, rooms.all(), now);
}

std::vector<std::string_view> checks_after(std::string_view name) {
  std::vector<std::string_view> names;
  const auto* check = std::ranges::find(kChecks, name, &NamedCheck::name);
  while (check != kChecks.end() && ++check != kChecks.end()) {
    if (is_told(*check, Decision())) {
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
    if (is_told(check, decision)) {
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
