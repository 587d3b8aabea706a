#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/audit.h"
#include "core/error.h"
#include "core/key_filter.h"
#include "core/peaks.h"
#include "core/usage.h"

namespace nexakey::core {

/// The parameters after the `?` of a URL, with percent-encoded names and values (RFC 3986, 2.1).
class Query {
 public:
  Query() = default;
  /// Error: `usage`, if the encoding is malformed.
  static Result<Query> parse(std::string_view text);

  void add(std::string_view name, std::string value);
  /// `a=1&b=2`, or nothing.
  [[nodiscard]] std::string to_string() const;

  /// Removes and returns the only value of a parameter; nothing if it is absent. Error: `usage`, if
  /// it is repeated.
  Result<std::optional<std::string>> take(std::string_view name);
  std::vector<std::string> take_all(std::string_view name);
  /// Error: `usage`, if a parameter has not been taken: one with a mistyped name must not be
  /// ignored.
  [[nodiscard]] Result<void> check_taken() const;

 private:
  std::vector<std::pair<std::string, std::string>> parameters_;
};

/// The maximum of the parameter `limit`: how many entries one page of a list has.
inline constexpr std::size_t kMaxPage = 1000;

/// The conditions of a list of keys as parameters, and back. Error: `usage`, for invalid values.
void add_filter(Query& query, const KeyFilter& filter);
Result<KeyFilter> take_filter(Query& query);

/// The same for a report of usage.
void add_usage_query(Query& query, const UsageQuery& usage);
Result<UsageQuery> take_usage_query(Query& query);

/// The same for a report of peaks.
void add_peak_query(Query& query, const PeakQuery& peaks);
Result<PeakQuery> take_peak_query(Query& query);

/// The same for the audit log.
void add_audit_filter(Query& query, const AuditFilter& filter);
Result<AuditFilter> take_audit_filter(Query& query);

/// Takes a whole number; nothing if it is absent. Error: `usage`, unless it is from `min` to `max`.
Result<std::optional<std::uint64_t>> take_number(Query& query, std::string_view name,
                                                 std::uint64_t min, std::uint64_t max);
/// Takes `true` or `false`; false if it is absent. Error: `usage`, for any other value.
Result<bool> take_flag(Query& query, std::string_view name);

/// Percent-encodes all but the unreserved characters (RFC 3986, 2.3).
std::string percent_encode(std::string_view text);
/// Decodes percent-encoding; nothing if it is malformed.
std::optional<std::string> percent_decode(std::string_view text);

}  // namespace nexakey::core
