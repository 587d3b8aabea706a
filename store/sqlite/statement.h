#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <SQLiteCpp/SQLiteCpp.h>

#include "core/credential.h"
#include "core/id.h"
#include "core/time.h"
#include "store/sql.h"

/// The parameters and result rows of SQLite's statements.
namespace nexakey::store::sqlite {

/// The current row of a statement: a Row (store/row.h). To be constructed at the first row; it then
/// has each further row of the statement.
class StatementRow {
 public:
  explicit StatementRow(SQLite::Statement& statement) {
    columns_.reserve(static_cast<std::size_t>(statement.getColumnCount()));
    for (int column = 0; column < statement.getColumnCount(); ++column) {
      columns_.push_back(statement.getColumn(column));
    }
  }

  [[nodiscard]] bool is_null(int column) const { return value(column).isNull(); }
  [[nodiscard]] std::optional<std::int64_t> number(int column) const {
    return value(column).isInteger() ? std::optional<std::int64_t>(value(column).getInt64())
                                     : std::nullopt;
  }
  [[nodiscard]] std::string_view text(int column) const {
    const char* const text = value(column).getText();  // must precede getBytes
    return {text, static_cast<std::size_t>(value(column).getBytes())};
  }
  [[nodiscard]] std::optional<core::CredentialHash> hash(int column) const {
    core::CredentialHash hash{};
    if (value(column).getBytes() != static_cast<int>(hash.size())) {
      return std::nullopt;
    }
    std::copy_n(static_cast<const std::uint8_t*>(value(column).getBlob()), hash.size(),
                hash.begin());
    return hash;
  }
  [[nodiscard]] std::string bytes(int column) const { return value(column).getString(); }

 private:
  [[nodiscard]] const SQLite::Column& value(int column) const {
    return columns_[static_cast<std::size_t>(column)];
  }

  std::vector<SQLite::Column> columns_;
};

/// Binds copies of values to the parameters of a statement, one after the other.
class Binder {
 public:
  /// Resets the statement. Binds its parameters from number `first` on.
  explicit Binder(SQLite::Statement& statement, int first = 1)
      : statement_(statement), next_(first) {
    statement_.reset();
  }

  Binder& add(std::int64_t number) {
    statement_.bind(next_++, static_cast<int64_t>(number));
    return *this;
  }
  Binder& add(std::string_view text) {
    statement_.bind(next_++, std::string(text));
    return *this;
  }
  Binder& add(const core::CredentialHash& hash) {
    statement_.bind(next_++, hash.data(), static_cast<int>(hash.size()));
    return *this;
  }
  Binder& add(core::Time time) { return add(std::int64_t{time.time_since_epoch().count()}); }
  template <typename Kind>
  Binder& add(core::Id<Kind> id) {
    return add(id.bits());
  }
  template <typename T>
  Binder& add(const std::optional<T>& value) {
    if (value) {
      return add(*value);
    }
    statement_.bind(next_++);
    return *this;
  }
  Binder& add(const sql::Bytes& value) {
    statement_.bind(next_++, value.bytes.data(), static_cast<int>(value.bytes.size()));
    return *this;
  }
  /// As a sink of store/columns.h.
  template <typename T>
  void operator()(std::string_view /*name*/, const T& value) {
    add(value);
  }

 private:
  SQLite::Statement& statement_;
  int next_;
};

/// A statement for a query, with its parameters.
inline SQLite::Statement prepare(SQLite::Database& connection, const sql::Query& query) {
  SQLite::Statement statement(connection, query.sql);
  Binder binder(statement);
  for (const sql::Value& value : query.values) {
    std::visit([&](const auto& bound) { binder.add(bound); }, value);
  }
  return statement;
}

}  // namespace nexakey::store::sqlite
