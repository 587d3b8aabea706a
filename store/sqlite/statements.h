#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "store/columns.h"
#include "store/sqlite/statement.h"

namespace nexakey::store::sqlite {

/// The statements of a transaction, as store/sql_tables.h runs them: a row at a time. It has to be
/// used within one transaction.
class Statements {
 public:
  static const sql::Dialect kDialect;

  explicit Statements(SQLite::Database& connection) : connection_(connection) {}

  template <typename Read, typename Visit>
  void visit(const sql::Query& query, const Read& read, const Visit& visit) {
    SQLite::Statement rows = prepare(connection_, query);
    if (!rows.executeStep()) {
      return;
    }
    const StatementRow row(rows);
    while (visit(read(row)) && rows.executeStep()) {
    }
  }

  void run(const sql::Query& query) { prepare(connection_, query).exec(); }

  template <typename T, typename Wanted, typename Read>
  std::vector<T> find(const std::string& sql, std::span<const Wanted> wanted, const Read& read) {
    SQLite::Statement& rows = kept(sql);
    std::vector<T> found;
    for (const Wanted& one : wanted) {
      Binder(rows).add(one);
      if (rows.executeStep()) {
        found.push_back(read(StatementRow(rows)));
      }
    }
    rows.reset();
    return found;
  }

  template <typename T, typename Write>
  void insert(std::string_view table, std::span<const T> things, const Write& write) {
    static const std::string sql = sql::insert_into(kDialect, table, written_columns<T>(write));
    for (const T& thing : things) {
      Binder binder(kept(sql));
      write(thing, binder);
      kept(sql).exec();
    }
  }

  template <typename T, typename Write>
  void update(std::string_view table, std::span<const T> things, const Write& write) {
    static const std::string sql = sql::update_of(kDialect, table, written_columns<T>(write));
    for (const T& thing : things) {
      Binder binder(kept(sql));
      write(thing, binder);
      binder.add(thing.id);
      kept(sql).exec();
    }
  }

  /// A statement that is prepared at its first use. `sql` has to be a constant.
  SQLite::Statement& kept(const std::string& sql) {
    const auto known = kept_.find(&sql);
    return known != kept_.end()
               ? known->second
               : kept_.emplace(&sql, SQLite::Statement(connection_, sql)).first->second;
  }

 private:
  SQLite::Database& connection_;
  std::map<const std::string*, SQLite::Statement> kept_;
};

}  // namespace nexakey::store::sqlite
