#include "store/sql.h"

#include <algorithm>
#include <array>

#include "core/json.h"
#include "store/columns.h"
#include "store/tables.h"

namespace nexakey::store::sql {
namespace {

std::string table(const Dialect& dialect, std::string_view name) {
  return std::string(dialect.schema) + std::string(name);
}

std::string parameter(const Dialect& dialect, std::size_t number) {
  return dialect.parameter + std::to_string(number);
}

std::string select_keys(const Dialect& dialect) {
  std::string columns;
  for (const std::string_view name : kKeyColumns) {
    columns += columns.empty() ? "SELECT keys." : ", ";
    columns += name == "last_used_at"   ? "uses.last_at"
               : name == "last_used_ip" ? "uses.last_ip"
                                        : name;
  }
  return columns + " FROM " + table(dialect, kKeys) + " AS keys LEFT JOIN " +
         table(dialect, "last_uses") + " AS uses ON uses.key = " + std::string(dialect.used_key);
}

std::string select_tokens(const Dialect& dialect) {
  return "SELECT " + list(kTokenColumns) + " FROM " + table(dialect, kTokens);
}

/// Adds conditions to a query.
class Where {
 public:
  Where(const Dialect& dialect, std::string select)
      : dialect_(dialect), query_{std::move(select)} {}

  /// Adds `before`, a parameter and `after`.
  Where& add(std::string_view before, Value value, std::string_view after = {}) {
    query_.sql += query_.values.empty() ? " WHERE " : " AND ";
    query_.values.push_back(std::move(value));
    query_.sql += before;
    query_.sql += parameter(dialect_, query_.values.size());
    query_.sql += after;
    return *this;
  }

  Query end(const std::string& rest = {}) && {
    query_.sql += rest;
    return std::move(query_);
  }

 private:
  const Dialect& dialect_;
  Query query_;
};

std::string order_of(Order order) {
  return order == Order::newest_first ? " ORDER BY created_at DESC, seq DESC"
                                      : " ORDER BY created_at, seq";
}

/// The sums of the counts of one table, from one time until another.
Query sum_of(const Dialect& dialect, const core::UsageQuery& query, core::Grain grain,
             std::string_view from, core::Time first, core::Time until) {
  const bool is_day = grain == core::Grain::day;
  const bool is_by_key = query.by == core::Grouping::key;
  // A count that is damaged must not make the sum overflow.
  Where where(dialect, "SELECT " + std::string(is_day ? "24 * day" : dialect.hour) + ", " +
                           (is_by_key ? "''" : std::string(dialect.endpoint)) + ", status, sum(" +
                           std::string(dialect.least) + "(requests, " +
                           std::to_string(core::kMaxCount) + "))" + (is_by_key ? ", keys.id" : "") +
                           " FROM " + std::string(from));
  if (is_day) {
    where.add("day >= ", days_of(first)).add("day < ", days_of(until));
  } else {
    where.add(dialect.since, hours_of(first))
        .add(std::string(dialect.hour) + " < ", hours_of(until));
  }
  if (query.key) {
    where.add("keys.id = ", query.key->bits());
  }
  if (query.workspace) {
    where.add("workspace = ", *query.workspace);
  }
  return std::move(where).end(is_by_key ? " GROUP BY keys.id, 1, 3" : " GROUP BY 1, 2, 3");
}

std::string json_array(const std::vector<std::string>& texts) {
  std::string array;
  core::JsonWriter json(array);
  json.begin_array();
  for (const std::string& text : texts) {
    json.string(text);
  }
  json.end_array();
  return array;
}

}  // namespace

std::string list(std::span<const std::string_view> names, std::string_view prefix) {
  std::string text;
  for (const std::string_view name : names) {
    text += text.empty() ? "" : ", ";
    text += prefix;
    text += name;
  }
  return text;
}

std::string find_keys(const Dialect& dialect, std::string_view column) {
  return select_keys(dialect) + " WHERE " + std::string(column) + std::string(dialect.is_wanted);
}

std::string find_key_ids(const Dialect& dialect) {
  return "SELECT id FROM " + table(dialect, kKeys) + " WHERE id" + std::string(dialect.is_wanted);
}

std::string find_tokens(const Dialect& dialect, std::string_view column) {
  return select_tokens(dialect) + " WHERE " + std::string(column) + std::string(dialect.is_wanted);
}

std::string select_tombstones(const Dialect& dialect) {
  return "SELECT " + list(kTombstoneColumns) + " FROM " + table(dialect, kTombstones);
}

std::string insert_into(const Dialect& dialect, std::string_view name,
                        std::span<const std::string_view> columns) {
  std::string values;
  for (std::size_t number = 1; number <= columns.size(); ++number) {
    values += (number == 1 ? "" : ", ") + parameter(dialect, number);
  }
  return "INSERT INTO " + table(dialect, name) + " (" + list(columns) + ") VALUES (" + values + ")";
}

std::string update_of(const Dialect& dialect, std::string_view name,
                      std::span<const std::string_view> columns) {
  std::string assignments;
  std::size_t number = 0;
  for (const std::string_view column : columns) {
    assignments += number++ == 0 ? "" : ", ";
    assignments += std::string(column) + " = " + parameter(dialect, number);
  }
  return "UPDATE " + table(dialect, name) + " SET " + assignments +
         " WHERE id = " + parameter(dialect, number + 1);
}

Query scan_keys(const Dialect& dialect, const core::KeyFilter& filter,
                const std::optional<core::KeyId>& after, Order order) {
  Where where(dialect, select_keys(dialect));
  const bool is_selective = filter.name || filter.hash || filter.ids;
  if (filter.workspace) {
    // SQLite prefers an index by which the keys are in order, though it has the whole workspace.
    where.add(is_selective ? "workspace || '' = " : "workspace = ", *filter.workspace);
  }
  if (filter.name) {
    where.add("name = ", *filter.name);
  }
  if (filter.hash) {
    where.add("hash = ", *filter.hash);
  }
  if (filter.ids) {
    where.add("keys.id >= ", filter.ids->first.bits()).add("keys.id <= ", filter.ids->last.bits());
  }
  if (after) {
    where.add(std::string("(created_at, seq) ") + (order == Order::newest_first ? "<" : ">") +
                  " (SELECT created_at, seq FROM " + table(dialect, kKeys) + " WHERE id = ",
              after->bits(), ")");
  }
  Query query = std::move(where).end(order_of(order));
  query.is_selective = is_selective;
  return query;
}

Query scan_line(const Dialect& dialect, core::KeyId first) {
  const std::string keys = table(dialect, kKeys);
  Query query{"WITH RECURSIVE line (id) AS (SELECT id FROM " + keys + " WHERE rotated_from = " +
                  parameter(dialect, 1) + " UNION SELECT next.id FROM line JOIN " + keys +
                  " AS next ON next.rotated_from = line.id) " + select_keys(dialect) +
                  " WHERE keys.id IN (SELECT id FROM line)",
              {first.bits()}};
  query.is_selective = true;
  return query;
}

Query scan_tokens(const Dialect& dialect, const std::optional<std::string>& workspace,
                  Order order) {
  Where where(dialect, select_tokens(dialect));
  if (workspace) {
    where.add("workspace = ", *workspace);
  }
  return std::move(where).end(order_of(order));
}

Query trusts(const Dialect& dialect) {
  return {select_tokens(dialect) + " WHERE trust IS NOT NULL AND revoked_at IS NULL" +
          order_of(Order::newest_first)};
}

Query scan_audit(const Dialect& dialect, const core::AuditFilter& filter, Order order) {
  Where where(dialect, "SELECT " + list(kAuditColumns) + " FROM " + table(dialect, kAuditLog));
  where.add("number > ", filter.after);
  if (!filter.subjects.empty()) {
    where.add("subject IN (" + std::string(dialect.elements), json_array(filter.subjects), "))");
  }
  return std::move(where).end(order == Order::newest_first ? " ORDER BY number DESC"
                                                           : " ORDER BY number");
}

std::vector<std::pair<core::Grain, Query>> sum_usage(const Dialect& dialect,
                                                     const core::UsageQuery& query,
                                                     const core::UsageSpan& span) {
  std::vector<std::pair<core::Grain, Query>> queries;
  const auto add = [&](core::Grain grain, std::string_view from, core::Time first,
                       core::Time until) {
    if (first < until) {
      queries.emplace_back(grain, sum_of(dialect, query, grain, from, first, until));
    }
  };
  if (dialect.totals.empty() || query.key || query.by == core::Grouping::key) {
    add(core::Grain::hour, dialect.hours, span.first, core::kEndOfTimes);
    add(core::Grain::day, dialect.days, span.first, core::kEndOfTimes);
  } else {
    add(core::Grain::day, dialect.totals, span.first, span.hours_from);
    add(core::Grain::hour, dialect.hours, span.hours_from, span.hours_until);
    add(core::Grain::day, dialect.days, span.hours_from, span.hours_until);
    add(core::Grain::day, dialect.totals, std::max(span.first, span.hours_until),
        core::kEndOfTimes);
  }
  return queries;
}

/// The values that a peak and its hour can have. Reports leave out others, which are damage.
const std::string kIsPeak = " AND peak BETWEEN 1 AND " + std::to_string(core::kMaxRateLimit) +
                            " AND hour < " + std::to_string(hours_of(core::kEndOfTimes));

Query scan_peaks(const Dialect& dialect, core::KeyId key, core::Time since) {
  Where where(dialect, "SELECT hour, window_seconds, max(peak) FROM " + std::string(dialect.peaks));
  where.add("keys.id = ", key.bits()).add("hour >= ", hours_of(since));
  Query query = std::move(where).end(kIsPeak + " GROUP BY 1, 2");
  query.is_selective = true;
  return query;
}

// A peak and its hour are one number, of which the maximum is the highest peak, the last one of
// several.
std::string highest_peaks(const Dialect& dialect) {
  return "SELECT keys.id, window_seconds, max(peak * " + std::to_string(kPeakUnit) +
         " + hour), count(DISTINCT hour) FROM " + std::string(dialect.peaks) + " WHERE keys.id" +
         std::string(dialect.is_wanted) + " AND hour >= " + parameter(dialect, 2) + kIsPeak +
         " GROUP BY 1, 2";
}

Query keys_to_fold(const Dialect& dialect, core::KeyId first, core::Time cutoff) {
  Where where(dialect, "SELECT keys.id FROM " + table(dialect, kKeys) + " AS keys");
  const std::string key = " AS old WHERE old.key = " + std::string(dialect.used_key) + " AND ";
  where.add("keys.id >= ", first.bits());
  where.add("(EXISTS (SELECT 1 FROM " + table(dialect, "usage_hours") + key +
                std::string(dialect.is_before),
            days_of(cutoff), ")");
  const std::string parameter_of_cutoff = parameter(dialect, 2);
  return std::move(where).end(" OR EXISTS (SELECT 1 FROM " + table(dialect, "peaks") + key +
                              "old.hour < 24 * " + parameter_of_cutoff + "))" +
                              " ORDER BY keys.id LIMIT " + std::to_string(kKeysToFold));
}

Query last_folded_day(const Dialect& dialect) {
  return {"SELECT max(day) FROM " + table(dialect, "usage_days")};
}

Query workspaces(const Dialect& dialect) {
  return {"SELECT DISTINCT workspace" + std::string(dialect.by_bytes) + " FROM " +
          table(dialect, kKeys) + " ORDER BY 1"};
}

Query find_policy(const Dialect& dialect, const std::string& workspace) {
  Where where(dialect, "SELECT rules FROM " + table(dialect, kPolicies));
  Query query = std::move(where.add("workspace = ", workspace)).end();
  query.is_selective = true;
  return query;
}

Query set_policy(const Dialect& dialect, const core::Policy& policy) {
  if (policy.empty()) {
    Where where(dialect, "DELETE FROM " + table(dialect, kPolicies));
    return std::move(where.add("workspace = ", policy.workspace)).end();
  }
  static constexpr std::array<std::string_view, 2> kColumns{"workspace", "rules"};
  return {insert_into(dialect, kPolicies, kColumns) +
              " ON CONFLICT (workspace) DO UPDATE SET rules = excluded.rules",
          {policy.workspace, core::policy_rules_to_json(policy)}};
}

Query put_part(const Dialect& dialect, core::ImportId id, std::uint32_t number,
               std::string_view lines, core::Time now) {
  static constexpr std::array<std::string_view, 4> kColumns{"import", "number", "staged_at",
                                                            "lines"};
  return {insert_into(dialect, kParts, kColumns) +
              " ON CONFLICT (import, number)"
              " DO UPDATE SET staged_at = excluded.staged_at, lines = excluded.lines",
          {id.bits(), std::int64_t{number}, now.time_since_epoch().count(), Bytes{lines}}};
}

Query find_part(const Dialect& dialect, core::ImportId id, std::uint32_t number) {
  Where where(dialect, "SELECT lines FROM " + table(dialect, kParts));
  where.add("import = ", id.bits()).add("number = ", std::int64_t{number});
  Query query = std::move(where).end();
  query.is_selective = true;
  return query;
}

Query delete_parts(const Dialect& dialect, core::ImportId id, std::uint32_t first,
                   std::uint32_t end) {
  Where where(dialect, "DELETE FROM " + table(dialect, kParts));
  where.add("import = ", id.bits()).add("number >= ", std::int64_t{first});
  return std::move(where.add("number < ", std::int64_t{end})).end();
}

Query old_parts(const Dialect& dialect, core::Time time, std::size_t max) {
  Where where(dialect, "SELECT import, number FROM " + table(dialect, kParts));
  where.add("staged_at < ", time.time_since_epoch().count());
  return std::move(where).end(" AND import NOT IN (SELECT id FROM " + table(dialect, kImports) +
                              " WHERE finished_at IS NULL) LIMIT " + std::to_string(max));
}

Query accepted_imports(const Dialect& dialect) {
  return {"SELECT " + list(kImportColumns) + " FROM " + table(dialect, kImports) +
          " ORDER BY accepted_at, id"};
}

Query delete_imports_before(const Dialect& dialect, core::Time time) {
  Where where(dialect, "DELETE FROM " + table(dialect, kImports));
  return std::move(where.add("finished_at < ", time.time_since_epoch().count())).end();
}

std::string check_counts(const Dialect& dialect) {
  constexpr std::int64_t kEndOfTime = 70'389'528;  // the year 10000, in hours since 1970
  return "SELECT count(*), coalesce(sum(CASE WHEN requests < 1 OR requests > " +
         std::to_string(core::kMaxCount) + " OR time < 0 OR time >= " + std::to_string(kEndOfTime) +
         " THEN 1 ELSE 0 END), 0) FROM (SELECT " + std::string(dialect.hour) +
         " AS time, requests FROM " + table(dialect, "usage_hours") +
         " AS usage UNION ALL SELECT 24 * CAST(day AS bigint), requests FROM " +
         table(dialect, "usage_days") + ") AS counts";
}

std::string find_broken_rotations(const Dialect& dialect) {
  const std::string keys = table(dialect, kKeys);
  const auto without = [&](const std::string& own, const std::string& other) {
    return "SELECT a.id FROM " + keys + " AS a WHERE a." + own +
           " IS NOT NULL AND NOT EXISTS (SELECT 1 FROM " + keys + " AS b WHERE b.id = a." + own +
           " AND b." + other + " = a.id)";
  };
  return without("superseded_by", "rotated_from") + " UNION " +
         without("rotated_from", "superseded_by");
}

std::string count_rotations(const Dialect& dialect) {
  return "SELECT count(*) FROM " + table(dialect, kKeys) + " WHERE rotated_from IS NOT NULL";
}

}  // namespace nexakey::store::sql
