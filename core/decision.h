#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/key.h"
#include "core/limits.h"
#include "core/reason.h"
#include "core/sliding_window.h"

namespace nexakey::core {

/// The credential of a request.
enum class Credential { missing, malformed, key };

/// A request to decide about.
struct Request {
  Credential credential = Credential::missing;
  KeyHash key_hash{};  ///< of the key, when the credential is one
  /// The key, named by its id in place of its secret: an administrator asks what would be decided.
  /// Only for a dry run; the store sets `key_hash`.
  std::optional<KeyId> key_id{};
  std::string method = "GET";
  std::string path = "/";
  std::string
      override_method;  ///< of a method-override header, which must be allowed too; or empty
  std::optional<IpAddress> ip;           ///< of the client; none: unknown
  std::optional<std::string> workspace;  ///< the only one whose keys count; none: any
  std::string ref;                       ///< JSON that the decision returns; may be empty
};

/// Sets the credential and the hash for the text of a key; empty: the credential is missing.
void set_credential(Request& request, std::string_view key);

/// The response of the API itself (the upstream) to a request that was admitted.
struct UpstreamResponse {
  KeyId key;
  std::string method = "GET";
  std::string path = "/";
  int status = 0;                          ///< HTTP status, 100 to 599
  std::optional<std::string> workspace{};  ///< the only one whose keys count; none: any
};

/// Error: `usage`, if the method, path, status or workspace is invalid.
Result<void> check_upstream_response(const UpstreamResponse& response);

/// The state of one limit of a key.
struct LimitState {
  Limit limit;
  std::uint64_t remaining = 0;
  Time reset_at{};            ///< rounded up to seconds
  std::int64_t reset_in = 0;  ///< seconds, rounded up

  friend bool operator==(const LimitState&, const LimitState&) = default;
};

/// What X-RateLimit-* tell: the limit with the smallest remaining share; if limits refused the
/// request, the one of them that has room last.
struct RateLimit {
  std::uint64_t limit = 0;
  std::uint64_t remaining = 0;
  std::int64_t reset_at = 0;                ///< Unix seconds, rounded up
  std::optional<std::int64_t> retry_after;  ///< when all have room: seconds, rounded up, at least 1
};

/// How the values of headers have their quotes: as they are, or escaped for JSON.
enum class Quotes { plain, escaped };

/// The decision about one request.
struct Decision {
  Reason reason = Reason::missing_key;
  std::optional<KeyId> key_id;  ///< if the store has the key
  std::string workspace;        ///< of the key
  Scopes scopes;                ///< of the key
  std::optional<IpAddress> client_ip;
  std::optional<RateLimit> rate_limit;  ///< of an active key
  std::vector<LimitState> limits;       ///< of an active key, in the order of their lengths
  std::optional<Scope> needed_scope;    ///< with insufficient_scope, if any would do
  std::string ref;

  [[nodiscard]] bool allowed() const { return reason == Reason::allowed; }
  /// Whether it is counted in the usage of the key: the store has it and could decide about it.
  [[nodiscard]] bool is_counted() const { return key_id && status_of(reason) != 503; }
  /// The headers for an HTTP response, in a fixed order. `RateLimit-Policy` and `RateLimit`:
  /// draft-ietf-httpapi-ratelimit-headers-10.
  [[nodiscard]] std::vector<std::pair<std::string_view, std::string>> headers(
      Quotes quotes = Quotes::plain) const;
};

/// What the limits of a key are counted in. `log` has the times of all its admitted requests.
struct KeyWindows {
  SlidingWindow log;
  std::optional<QuotaCounters> quotas;  ///< of its line, if it has quotas
};

/// Whether the log must be enlarged for one of the limits (SlidingWindow::is_short).
bool is_short(const SlidingWindow& log, const Windows& windows, Tick now);

/// The rooms of all limits of a key, in the order of KeyRules::windows.
class Rooms {
 public:
  void push_back(const Room& room) { rooms_.at(size_++) = room; }
  [[nodiscard]] std::span<const Room> all() const { return std::span(rooms_).first(size_); }
  [[nodiscard]] std::span<Room> all() { return std::span(rooms_).first(size_); }

 private:
  std::array<Room, kMaxWindows> rooms_{};
  std::size_t size_ = 0;
};

/// The room of a quota of which `used` requests are counted in the day or month of `now`.
Room room_of_quota(const Limit& quota, std::uint64_t used, Time now);

/// Performs the checks before the limits, in their order. Returns the first failure, or nothing if
/// only the limits can still refuse. `key`: the key with the request's hash, or null.
std::optional<Reason> refusal(const Request& request, const KeyRules* key, Time now);

/// The decision that follows from the refusal, if any, and the rooms of the limits of an active
/// key; else they are empty. `has_room` is as before the request, the rest as after it.
Decision conclude(const Request& request, const KeyRules* key, std::optional<Reason> refused,
                  std::span<const Room> rooms, Time now);

/// Decides a request. `windows`: those of an active key, else null. An admitted request occupies
/// all of them, unless this is a dry run; a refused one occupies none. `now` and `tick` are the
/// same moment on two clocks.
Decision decide(const Request& request, const KeyRules* key, KeyWindows* windows, Time now,
                Tick tick, bool dry_run);

/// One check of an explained decision.
struct Check {
  std::string name;  ///< such as "whitelist"
  bool passed = false;
  std::string found;  ///< what it compared
};

/// The names of the checks that follow a check, in their order: those that are not reached if it
/// fails.
std::vector<std::string_view> checks_after(std::string_view name);

/// The checks of a decision, up to the one that failed.
std::vector<Check> explain(const Request& request, const KeyRules* key, const Decision& decision,
                           Time now);

}  // namespace nexakey::core
