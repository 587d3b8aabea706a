#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "store/columns.h"
#include "store/sqlite/statement.h"

namespace nexakey::store::sqlite {

/// Calls `visit` with each row of a statement until it returns false. Returns whether it got all.
template <typename Read, typename Visit>
bool visit_rows(SQLite::Statement& rows, const Read& read, const Visit& visit) {
  if (!rows.executeStep()) {
    return true;
  }
  const StatementRow row(rows);
  do {
    if (!visit(read(row))) {
      return false;
    }
  } while (rows.executeStep());
  return true;
}

/// The statements of a transaction, as store/sql_tables.h runs them: a row at a time. It has to be
/// used within one transaction.
class Statements {
 public:
  static const sql::Dialect kDialect;

  explicit Statements(SQLite::Database& connection) : connection_(connection) {}

  template <typename Read, typename Visit>
  void visit(const sql::Query& query, const Read& read, const Visit& visit) {
    SQLite::Statement rows = prepare(connection_, query);
    visit_rows(rows, read, visit);
  }

  void run(const sql::Query& query) { prepare(connection_, query).exec(); }

  template <typename T, typename Wanted, typename Read, typename... Further>
  std::vector<T> find(const std::string& sql, std::span<const Wanted> wanted, const Read& read,
                      const Further&... further) {
    SQLite::Statement& rows = kept(sql);
    std::vector<T> found;
    for (const Wanted& one : wanted) {
      Binder binder(rows);
      binder.add(one);
      (binder.add(further), ...);
      visit_rows(rows, read, [&](T&& thing) { return (found.push_back(std::move(thing)), true); });
    }
    rows.reset();
    return found;
  }

  template <typename T, typename Write>
  void insert(std::string_view table, std::span<const T> things, const Write& write) {
    static const std::string sql = sql::insert_into(kDialect, table, written_columns<T>(write));
    run_each(kept(sql), things, write);
  }

  template <typename T, typename Write>
  void update(std::string_view table, std::span<const T> things, const Write& write) {
    static const std::string sql = sql::update_of(kDialect, table, written_columns<T>(write));
    run_each(kept(sql), things, [&](const T& thing, Binder& binder) {
      write(thing, binder);
      binder.add(thing.id);
    });
  }

  /// A statement that is prepared at its first use. `sql` has to be a constant.
  SQLite::Statement& kept(const std::string& sql) {
    const auto known = kept_.find(&sql);
    return known != kept_.end()
               ? known->second
               : kept_.emplace(&sql, SQLite::Statement(connection_, sql)).first->second;
  }

 private:
  template <typename T, typename Bind>
  static void run_each(SQLite::Statement& statement, std::span<const T> things, const Bind& bind) {
    for (const T& thing : things) {
      Binder binder(statement);
      bind(thing, binder);
      statement.exec();
    }
  }

  SQLite::Database& connection_;
  std::map<const std::string*, SQLite::Statement> kept_;
};

}  // namespace nexakey::store::sqlite
