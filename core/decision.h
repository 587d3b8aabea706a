#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/key.h"
#include "core/sliding_window.h"

namespace nexakey::core {

/// What a request brought along to say who it is.
enum class Credential { missing, malformed, key };

/// A request that wants in.
struct Request {
  Credential credential = Credential::missing;
  KeyHash key_hash{};  ///< of the key, when the credential is one
  std::string method = "GET";
  std::string path = "/";
  std::string override_method;  ///< of a method-override header: it has to be allowed too; or empty
  std::optional<IpAddress> ip;  ///< of the client; none: unknown
  std::optional<std::string> workspace;  ///< the only one whose keys will do; none: any
  std::string ref;                       ///< JSON that the decision gives back; may be empty
};

/// The credential and the hash for the text of a key; an empty one is missing.
void set_credential(Request& request, std::string_view key);

/// The response of the API itself (the upstream) to a request that was admitted.
struct UpstreamResponse {
  KeyId key;
  std::string method = "GET";
  std::string path = "/";
  int status = 0;                          ///< of HTTP: 100 to 599
  std::optional<std::string> workspace{};  ///< the only one whose keys will do; none: any
};

/// Whether it is a key's, with a method, a path and a status of HTTP, and with the name of a
/// workspace, if with any.
Result<void> check_upstream_response(const UpstreamResponse& response);

/// Why a request was decided as it was: the outcomes of the checks, in their order.
enum class Reason {
  missing_key,
  malformed_key,
  unknown_key,
  revoked_key,
  damaged_key,  ///< the store cannot decode what decides about the key
  suspended_key,
  expired_key,
  ip_not_allowed,
  insufficient_scope,
  rate_limited,
  allowed,
};

std::string_view name_of(Reason reason);
/// The HTTP status of an answer for this reason: 200, 401, 403, 429, or 503 for `damaged_key`.
int status_of(Reason reason);

/// The state of a key's window as HTTP headers tell it.
struct RateLimit {
  std::uint32_t limit = 0;
  std::uint32_t remaining = 0;
  std::int64_t reset_at = 0;                ///< Unix seconds, rounded up
  std::optional<std::int64_t> retry_after;  ///< seconds, rounded up, at least 1
};

/// The answer to one request.
struct Decision {
  Reason reason = Reason::missing_key;
  std::optional<KeyId> key_id;  ///< of the key, when the store knows it
  std::string workspace;        ///< of the key
  Scopes scopes;                ///< of the key
  std::optional<IpAddress> client_ip;
  std::optional<RateLimit> rate_limit;  ///< of an active key
  std::optional<Scope> needed_scope;    ///< with insufficient_scope, if any would do
  std::string ref;

  [[nodiscard]] bool allowed() const { return reason == Reason::allowed; }
  /// Whether the usage of the key counts it: the store has the key, and could decide.
  [[nodiscard]] bool is_counted() const { return key_id && reason != Reason::damaged_key; }
  /// The headers that an HTTP response needs, in a fixed order.
  [[nodiscard]] std::vector<std::pair<std::string_view, std::string>> headers() const;
};

/// The checks before the window, in their order; nothing if all of them pass and only the window
/// can still refuse. `key` is what the store knows under the request's hash, or null.
std::optional<Reason> refusal(const Request& request, const KeyRules* key, Time now);

/// The decision that follows from the refusal, if there was one, and from the window of an active
/// key.
Decision conclude(const Request& request, const KeyRules* key, std::optional<Reason> refused,
                  const std::optional<Admission>& admission, Time now);

/// The whole decision. `window` is the one of an active key, else null; it takes the request in if
/// it is admitted, unless this is a dry run. `now` and `tick` are the same moment on two clocks.
Decision decide(const Request& request, const KeyRules* key, SlidingWindow* window, Time now,
                Tick tick, bool dry_run);

/// One check, for somebody who wants to know why.
struct Check {
  std::string name;  ///< such as "whitelist"
  bool passed = false;
  std::string found;  ///< what it looked at and found
};

/// Each check of the decision, up to the one that failed.
std::vector<Check> explain(const Request& request, const KeyRules* key, const Decision& decision,
                           Time now);

}  // namespace nexakey::core
