#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/credential.h"
#include "core/id.h"
#include "core/time.h"
#include "store/postgres/parameters.h"

namespace nexakey::store::postgres {

/// Rows as parameters: each column is one parameter, the array of its values, so that any number of
/// rows takes one statement with one plan.
class ColumnArrays {
 public:
  /// The rows that `write` (store/columns.h) writes for things.
  template <typename T, typename Write>
  static ColumnArrays of(std::span<const T> things, const Write& write) {
    ColumnArrays arrays;
    for (const T& thing : things) {
      arrays.next_ = 0;
      write(thing, arrays);
    }
    return arrays;
  }

  /// Adds a value to the next column: a sink of store/columns.h.
  void operator()(std::string_view name, std::int64_t number);
  void operator()(std::string_view name, std::string_view text);
  void operator()(std::string_view name, const core::CredentialHash& hash);
  void operator()(std::string_view name, const std::optional<std::string>& text);
  void operator()(std::string_view name, const std::optional<core::Time>& time);
  template <typename Kind>
  void operator()(std::string_view name, const std::optional<core::Id<Kind>>& id) {
    add(name, "bigint", id ? std::to_string(id->bits()) : "NULL");
  }

  [[nodiscard]] Parameters parameters() const;
  /// INSERT of these rows into a table, in their order. The text is the same for any rows.
  [[nodiscard]] std::string insert_into(std::string_view table) const;
  /// UPDATE of the rows of a table that have the same first column, the id. `further` comes before
  /// the other assignments.
  [[nodiscard]] std::string update_of(std::string_view table, std::string_view further) const;

 private:
  struct Column {
    std::string_view name;
    std::string_view type;
    std::string array;
  };

  void add(std::string_view name, std::string_view type, std::string_view element);
  /// `id, …`: the names of the columns.
  [[nodiscard]] std::string names() const;
  /// `unnest($1::bigint[], …)`: these rows as a table.
  [[nodiscard]] std::string as_table() const;
  /// `name = added.name, …`: all columns but the first, from such a table with the name `added`.
  [[nodiscard]] std::string assignments() const;

  std::vector<Column> columns_;
  std::size_t next_ = 0;
};

}  // namespace nexakey::store::postgres
