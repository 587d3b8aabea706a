#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "core/key_id.h"
#include "core/time.h"

namespace nexakey::core {

/// How many decisions there were.
struct Counts {
  std::uint64_t requests = 0;
  std::uint64_t errors = 0;        ///< of them, with a status of 400 or above
  std::uint64_t rate_limited = 0;  ///< of them, with 429

  void add(int status, std::uint64_t requests_of_it);
  friend bool operator==(const Counts&, const Counts&) = default;
};

/// What a report breaks its counts down by.
enum class Grouping { endpoint, day, hour, status };

std::string_view name_of(Grouping grouping);

struct UsageQuery {
  std::optional<KeyId> key{};              ///< one key; else all keys
  std::optional<std::string> workspace{};  ///< of this workspace; none: of all
  std::optional<Time> since{};             ///< none: the beginning of the month
  Grouping by = Grouping::endpoint;
};

/// The decisions of one hour with the same endpoint and status: the grain in which stores count.
struct UsageRow {
  Time hour;
  std::string_view endpoint;
  int status = 0;
  std::uint64_t requests = 0;
};

struct UsageReport {
  Counts today;      ///< UTC, like all of them
  Counts this_week;  ///< from Monday
  Counts this_month;
  Time since;  ///< where `total` and `groups` begin
  Counts total;
  Grouping by = Grouping::endpoint;
  std::map<std::string, Counts> groups;

  /// errors / requests of the total, 0 when there were none.
  [[nodiscard]] double error_rate() const;
};

/// Makes a report of rows, which may come in any order.
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

/// The beginning of the hour that `time` is in.
Time start_of_hour(Time time);

}  // namespace nexakey::core
