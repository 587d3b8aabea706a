#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/audit.h"
#include "core/error.h"
#include "core/key_filter.h"
#include "core/usage.h"

namespace nexakey::core {

/// The parameters behind the `?` of a URL, names and values percent-encoded (RFC 3986, 2.1).
class Query {
 public:
  Query() = default;
  /// A `usage` error if the encoding is malformed. A parameter that takes one value and is there
  /// twice is an error when it is taken.
  static Result<Query> parse(std::string_view text);

  void add(std::string_view name, std::string value);
  /// `a=1&b=2`, or nothing.
  [[nodiscard]] std::string to_string() const;

  /// Takes the only value of a parameter out; nothing if it is not there.
  Result<std::optional<std::string>> take(std::string_view name);
  std::vector<std::string> take_all(std::string_view name);
  /// An error if there is a parameter that nobody took: one with a mistyped name must not be a
  /// condition that was not made.
  [[nodiscard]] Result<void> check_taken() const;

 private:
  std::vector<std::pair<std::string, std::string>> parameters_;
};

/// The conditions of a list of keys as parameters, and back. A value that a condition cannot have
/// is a `usage` error.
void add_filter(Query& query, const KeyFilter& filter);
Result<KeyFilter> take_filter(Query& query);

/// The same for a report of usage.
void add_usage_query(Query& query, const UsageQuery& usage);
Result<UsageQuery> take_usage_query(Query& query);

/// The same for the audit log.
void add_audit_filter(Query& query, const AuditFilter& filter);
Result<AuditFilter> take_audit_filter(Query& query);

/// A whole number from `min` to `max`, or none.
Result<std::optional<std::uint64_t>> take_number(Query& query, std::string_view name,
                                                 std::uint64_t min, std::uint64_t max);
/// true, or false, which it also is when it is not there.
Result<bool> take_flag(Query& query, std::string_view name);

/// Undoes percent-encoding; nothing if it is malformed.
std::optional<std::string> percent_decode(std::string_view text);

}  // namespace nexakey::core
