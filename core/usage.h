#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "core/id.h"
#include "core/reason.h"
#include "core/time.h"

namespace nexakey::core {

/// The maximum count: the largest whole number that JSON parsers keep exact (RFC 8259, 6). Sums
/// stop there, so that nothing wraps.
inline constexpr std::uint64_t kMaxCount = (std::uint64_t{1} << 53U) - 1;

/// The sum of two counts, at most kMaxCount.
constexpr std::uint64_t add_counts(std::uint64_t a, std::uint64_t b) {
  return a >= kMaxCount || b >= kMaxCount - a ? kMaxCount : a + b;
}

/// The count in a column of 64 bits; nothing if it is out of range.
constexpr std::optional<std::uint64_t> count_from_column(std::int64_t value) {
  const auto count = static_cast<std::uint64_t>(value);
  return value >= 0 && count <= kMaxCount ? std::optional(count) : std::nullopt;
}

/// The `status` of a count says what it counts:
///
///     200, 401, 403, 429              decisions; if they denied, for an unspecified reason
///     kUpstreamStatus + status        upstream responses
///     kDeniedStatus + number_of(...)  decisions that denied for this reason
inline constexpr int kUpstreamStatus = 1000;
inline constexpr int kDeniedStatus = 2000;

/// The status under which a decision is counted.
int counted_status(Reason reason);
/// Whether the status of a count is that of a decision.
bool is_decision(int status);
/// The reason in the status of a count, if it has one.
std::optional<Reason> denial_of(int status);
/// The status of a count without its reason: the HTTP status of a decision, or kUpstreamStatus plus
/// that of an upstream response.
int plain_status(int status);

/// The numbers of decisions and of failed upstream responses.
struct Counts {
  std::uint64_t requests = 0;
  std::uint64_t denied = 0;           ///< requests that were not admitted
  std::uint64_t rate_limited = 0;     ///< denied with 429
  std::uint64_t upstream_errors = 0;  ///< admitted, but the API answered with 400 or above

  /// The requests that ended with a status of 400 or above.
  [[nodiscard]] std::uint64_t errors() const { return add_counts(denied, upstream_errors); }

  /// `status`: that of the count.
  void add(int status, std::uint64_t count);
  void add(const Counts& other);
  friend bool operator==(const Counts&, const Counts&) = default;
};

/// The groups of a report.
enum class Grouping { endpoint, day, hour, status };

std::string_view name_of(Grouping grouping);
Result<Grouping> parse_grouping(std::string_view name);

struct UsageQuery {
  std::optional<KeyId> key{};              ///< one key; else all keys
  std::optional<std::string> workspace{};  ///< of this workspace; none: of all
  std::optional<Time> since{};             ///< none: the beginning of the month
  Grouping by = Grouping::endpoint;
};

/// The decisions, or upstream responses, of one hour with the same endpoint and status: the unit in
/// which stores count.
struct UsageRow {
  Time hour;
  std::string_view endpoint;
  int status = 0;  ///< see kUpstreamStatus
  std::uint64_t requests = 0;
};

struct UsageReport {
  Counts today;      ///< UTC, like all of them
  Counts this_week;  ///< from Monday
  Counts this_month;
  Time since;  ///< when `total` and `groups` begin
  Counts total;
  Grouping by = Grouping::endpoint;
  std::map<std::string, Counts> groups;

  /// Errors divided by requests of the total; 0 without requests.
  [[nodiscard]] double error_rate() const;
  /// Adds the counts of another report, which has the same times and another key.
  void add(const UsageReport& other);
};

/// Makes a report from rows, which may be added in any order.
class UsageReporter {
 public:
  UsageReporter(const UsageQuery& query, Time now);

  /// The earliest hour whose rows the report needs.
  [[nodiscard]] Time first_hour() const;
  void add(const UsageRow& row);
  [[nodiscard]] const UsageReport& report() const { return report_; }

 private:
  UsageReport report_;
  Time day_;
  Time week_;
  Time month_;
};

/// The beginning of the hour of `time`.
Time start_of_hour(Time time);

}  // namespace nexakey::core
