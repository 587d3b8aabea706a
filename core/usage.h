#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

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

/// What a count is about: old hours are folded into days. The order is that of an export.
enum class Grain { day, hour };

/// How long stores keep counts by the hour.
inline constexpr std::chrono::hours kDefaultKeptHours = std::chrono::days{45};
inline constexpr std::chrono::hours kMinKeptHours = std::chrono::days{1};
inline constexpr std::chrono::hours kMaxKeptHours = std::chrono::days{3660};

/// The beginning of the first day that is not folded: the counts of whole days before it are.
Time start_of_hours(Time now, std::chrono::hours kept);

/// The groups of a report. Reasons are those of decisions, keys are named by their ids.
enum class Grouping { endpoint, day, hour, status, reason, key };

std::string_view name_of(Grouping grouping);
Result<Grouping> parse_grouping(std::string_view name);
/// Whether the groups are spans of time.
constexpr bool is_of_time(Grouping grouping) {
  return grouping == Grouping::day || grouping == Grouping::hour;
}

/// What puts a group before others: the larger number.
enum class UsageOrder { requests, errors, denied, rate_limited };

/// The names of groups by day and hour: `2026-11-24` and `2026-11-24T12:00:00Z`.
std::string name_of_day(Time time);
std::string name_of_hour(Time time);

std::string_view name_of(UsageOrder order);
Result<UsageOrder> parse_usage_order(std::string_view name);

/// The maximum of UsageQuery::top.
inline constexpr std::uint32_t kMaxTop = 1000000;

struct UsageQuery {
  std::optional<KeyId> key{};              ///< one key; else all keys
  std::optional<std::string> workspace{};  ///< of this workspace; none: of all
  std::optional<Time> since{};             ///< none: the beginning of the month
  Grouping by = Grouping::endpoint;
  std::optional<UsageOrder> sort{};    ///< none: by name, or with `top` by requests
  std::optional<std::uint32_t> top{};  ///< the number of groups that are kept; none: all
};

/// The decisions, or upstream responses, of one hour or day with the same endpoint and status: the
/// unit in which stores count.
struct UsageRow {
  Time hour;  ///< or the beginning of the day
  std::string_view endpoint;
  int status = 0;  ///< see kUpstreamStatus
  std::uint64_t requests = 0;
  Grain grain = Grain::hour;
  std::optional<KeyId> key{};  ///< if the query is grouped by it
};

/// How full a sliding window of a key was at most in an hour.
struct Peak {
  Time hour;
  std::uint64_t window_seconds = 0;  ///< its length
  std::uint64_t requests = 0;        ///< admitted requests that were in it
  std::uint64_t limit = 0;           ///< how many it may have now; set in reports only

  friend bool operator==(const Peak&, const Peak&) = default;
};

/// The counts that a report needs: all from `first` on, the beginning of a day. Those from
/// `hours_from` until `hours_until`, both too, by the hour where they are not folded; the others
/// may be sums of days.
struct UsageSpan {
  Time first;
  Time hours_from;
  Time hours_until;
};

struct UsageGroup {
  std::string name;
  /// In the group of an upstream status, the requests are those that were answered with it.
  Counts counts;
  std::optional<std::string> key_name{};  ///< of a key that has one, in reports by key

  friend bool operator==(const UsageGroup&, const UsageGroup&) = default;
};

struct UsageReport {
  Counts today;      ///< UTC, like all of them
  Counts this_week;  ///< from Monday
  Counts this_month;
  Time since;  ///< when `total` and `groups` begin; the beginning of a day that is folded
  Counts total;
  Grouping by = Grouping::endpoint;
  std::vector<UsageGroup> groups;  ///< in the order of the query
  /// Of one key: the highest peak of each window since `since`, the last one of several. Peaks of
  /// folded hours are not kept.
  std::vector<Peak> peaks{};

  /// Errors divided by requests of the total; 0 without requests.
  [[nodiscard]] double error_rate() const;
  /// Adds the counts of another report, which has the same times and another key. The order of the
  /// groups is lost, and so are the peaks.
  void add(const UsageReport& other);
  /// Orders the groups as the query wants them, and keeps the first ones if it limits them.
  void rank(const UsageQuery& query);
};

/// Makes a report from rows, which may be added in any order.
class UsageReporter {
 public:
  UsageReporter(const UsageQuery& query, Time now);

  /// The rows that the report needs; it ignores others.
  [[nodiscard]] UsageSpan span() const;
  /// When the report begins, and its peaks with it.
  [[nodiscard]] Time since() const { return report_.since; }
  void add(const UsageRow& row);
  void add(const Peak& peak);
  /// The report, after the last row.
  [[nodiscard]] UsageReport finish() &&;

 private:
  /// A row of the first day, before the report begins.
  struct EarlyRow {
    Time hour;
    std::string endpoint;
    int status;
    std::uint64_t requests;
    std::optional<KeyId> key;
  };

  void add_to_groups(const UsageRow& row);

  UsageQuery query_;
  UsageReport report_;
  std::map<std::string, Counts> groups_;
  Time day_;
  Time week_;
  Time month_;
  std::vector<EarlyRow> early_;
  bool is_first_day_folded_ = false;
};

/// The beginning of the hour of `time`.
Time start_of_hour(Time time);

}  // namespace nexakey::core
