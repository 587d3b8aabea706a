#pragma once

#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include "store/columns.h"
#include "store/postgres/arrays.h"
#include "store/postgres/result_row.h"
#include "store/postgres/session.h"
#include "store/sql.h"

namespace nexakey::store::postgres {

/// The values that `read` makes of the rows of a result.
template <typename Read>
auto read_all(const Rows& rows, const Read& read) {
  std::vector<decltype(read(ResultRow(rows, 0)))> things;
  for (int row = 0; row < rows.size(); ++row) {
    things.push_back(read(ResultRow(rows, row)));
  }
  return things;
}

/// The statements of store/sql_tables.h, each of which is one round trip for any number of rows.
/// They run in the transaction of the connection; without one, each is a transaction of its own,
/// which is repeated if the connection was lost.
class Statements {
 public:
  static const sql::Dialect kDialect;

  explicit Statements(Session& session) : session_(session) {}

  template <typename Read, typename Visit>
  void visit(const sql::Query& query, const Read& read, const Visit& visit) {
    if (query.is_selective) {
      const Rows rows =
          run_once(query.sql + " LIMIT " + std::to_string(kFew + 1), parameters_of(query));
      if (rows.size() <= kFew) {
        for (int row = 0; row < rows.size() && visit(read(ResultRow(rows, row))); ++row) {
        }
        return;
      }
    }
    session_.stream(query.sql, parameters_of(query),
                    [&](const Rows& rows, int row) { return visit(read(ResultRow(rows, row))); });
  }

  void run(const sql::Query& query) { run_once(query.sql, parameters_of(query)); }

  template <typename T, typename Wanted, typename Read, typename... Further>
  std::vector<T> find(const std::string& sql, std::span<const Wanted> wanted, const Read& read,
                      const Further&... further) {
    Parameters parameters;
    parameters.add_array(wanted);
    (parameters.add(further), ...);
    return read_all(run(sql, parameters), read);
  }

  template <typename T, typename Write>
  void insert(std::string_view table, std::span<const T> things, const Write& write) {
    if (things.empty()) {
      return;
    }
    const auto rows = ColumnArrays::of(things, write);
    static const std::string sql = rows.insert_into(table);
    run(sql, rows.parameters());
  }

  template <typename T, typename Write>
  void update(std::string_view table, std::span<const T> things, const Write& write) {
    if (things.empty()) {
      return;
    }
    const auto rows = ColumnArrays::of(things, [&](const T& thing, ColumnArrays& sink) {
      sink("id", thing.id.bits());
      write(thing, sink);
    });
    static const std::string sql = rows.update_of(table, kFurther<T>);
    run(sql, rows.parameters());
  }

  /// Runs a statement that is prepared. `sql` has to be a constant.
  Rows run(const std::string& sql, const Parameters& parameters = {}) {
    return session_.ask([&] { return session_.run(sql, parameters); });
  }

 private:
  /// So many rows of a query that probably has few are fetched by one statement; a cursor takes
  /// four.
  static constexpr int kFew = 100;
  /// Each change of a key gives it another stamp, by which deciders see that it has changed.
  template <typename T>
  static constexpr std::string_view kFurther =
      std::is_same_v<T, core::Key> ? "stamp = gen_random_uuid(), " : "";

  static Parameters parameters_of(const sql::Query& query) {
    Parameters parameters;
    for (const sql::Value& value : query.values) {
      std::visit([&](const auto& parameter) { parameters.add(parameter); }, value);
    }
    return parameters;
  }

  Rows run_once(const std::string& sql, const Parameters& parameters) {
    return session_.ask([&] { return session_.run_once(sql, parameters); });
  }

  Session& session_;
};

}  // namespace nexakey::store::postgres
