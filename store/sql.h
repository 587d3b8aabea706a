#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/audit.h"
#include "core/credential.h"
#include "core/key_filter.h"
#include "core/usage.h"
#include "store/tables.h"

/// The queries that are the same in each SQL engine but for its dialect.
namespace nexakey::store::sql {

/// What differs between the engines.
struct Dialect {
  char parameter;              ///< in front of the number of a parameter: ? or $
  std::string_view is_wanted;  ///< the condition that a column is one of what `find` wants
  std::string_view schema;     ///< in front of the name of a table: "" or "nexakey."
  std::string_view used_key;   ///< the column of keys that is `key` in the table of last uses
  std::string_view hours;      ///< FROM of the counts by the hour, joined with keys
  std::string_view days;       ///< FROM of the folded counts, joined with keys
  std::string_view totals;     ///< FROM of the sums of days by workspace; "": there is none
  std::string_view peaks;      ///< FROM of the peaks, joined with keys; one may be there twice
  std::string_view hour;       ///< of a count by the hour: hours since 1970
  std::string_view since;      ///< conditions that it is not before a parameter, to be continued
  std::string_view is_before;  ///< the condition that a row of `usage_hours` is before that day
  std::string_view endpoint;   ///< of a count: its text
  std::string_view least;      ///< the function for the smaller of two numbers
  std::string_view elements;   ///< SELECT of the texts of a JSON array, up to the array
  std::string_view by_bytes;   ///< makes ORDER BY of a text compare bytes
};

// Names of tables that more than one function uses.
inline constexpr std::string_view kKeys = "api_keys";
inline constexpr std::string_view kTokens = "api_tokens";
inline constexpr std::string_view kAuditLog = "audit_log";
inline constexpr std::string_view kTombstones = "tombstones";
inline constexpr std::string_view kPolicies = "policies";
inline constexpr std::string_view kParts = "staged_parts";
inline constexpr std::string_view kImports = "accepted_imports";

/// More than the hours since 1970 until the year 10000.
inline constexpr std::int64_t kPeakUnit = std::int64_t{1} << 32U;

/// A value of a column of bytes, to which it refers.
struct Bytes {
  std::string_view bytes;
};

using Value = std::variant<std::int64_t, std::string, core::CredentialHash, Bytes>;

/// A statement and its parameters, from number 1 on.
struct Query {
  std::string sql;
  std::vector<Value> values{};
  bool is_selective = false;  ///< probably has few rows
};

/// `a, b, c` of names, each with an optional text in front.
std::string list(std::span<const std::string_view> names, std::string_view prefix = {});

/// SELECT of the keys or tokens whose `column` is wanted, with the columns of store/columns.h.
std::string find_keys(const Dialect& dialect, std::string_view column);
/// SELECT of the ids of keys that are wanted.
std::string find_key_ids(const Dialect& dialect);
/// SELECT of tombstones, to be continued.
std::string select_tombstones(const Dialect& dialect);
std::string find_tokens(const Dialect& dialect, std::string_view column);
/// INSERT of one row with these columns, and UPDATE of these columns of the row whose id is the
/// last parameter.
std::string insert_into(const Dialect& dialect, std::string_view table,
                        std::span<const std::string_view> columns);
std::string update_of(const Dialect& dialect, std::string_view table,
                      std::span<const std::string_view> columns);

/// The queries of the functions of Tables with these names. What a filter wants beyond these
/// conditions, its `matches` looks at.
Query scan_keys(const Dialect& dialect, const core::KeyFilter& filter,
                const std::optional<core::KeyId>& after, Order order);
Query scan_line(const Dialect& dialect, core::KeyId first);
Query scan_tokens(const Dialect& dialect, const std::optional<std::string>& workspace, Order order);
Query trusts(const Dialect& dialect);
Query scan_audit(const Dialect& dialect, const core::AuditFilter& filter, Order order);
Query keys_to_fold(const Dialect& dialect, core::KeyId first, core::Time cutoff);
Query last_folded_day(const Dialect& dialect);
/// The queries whose rows together are those of `sum_usage`, and the grain of each.
std::vector<std::pair<core::Grain, Query>> sum_usage(const Dialect& dialect,
                                                     const core::UsageQuery& query,
                                                     const core::UsageSpan& span);
Query scan_peaks(const Dialect& dialect, core::KeyId key, core::Time since);
/// A row has the key, the window, the highest peak times kPeakUnit plus its hour, and the number of
/// hours. The second parameter is the first hour.
std::string highest_peaks(const Dialect& dialect);
Query workspaces(const Dialect& dialect);
Query find_policy(const Dialect& dialect, const std::string& workspace);
Query set_policy(const Dialect& dialect, const core::Policy& policy);
Query put_part(const Dialect& dialect, core::ImportId id, std::uint32_t number,
               std::string_view lines, core::Time now);
Query find_part(const Dialect& dialect, core::ImportId id, std::uint32_t number);
Query delete_parts(const Dialect& dialect, core::ImportId id, std::uint32_t first,
                   std::uint32_t end);
Query old_parts(const Dialect& dialect, core::Time time, std::size_t max);
Query accepted_imports(const Dialect& dialect);
Query delete_imports_before(const Dialect& dialect, core::Time time);

/// For store::check: the number of counts, and how many of them are invalid (not from 1 to
/// core::kMaxCount, or not between 1970 and the year 10000).
std::string check_counts(const Dialect& dialect);
/// The ids of keys that refer to another key of a rotation which does not refer to them.
std::string find_broken_rotations(const Dialect& dialect);
/// The number of rotations.
std::string count_rotations(const Dialect& dialect);

}  // namespace nexakey::store::sql
