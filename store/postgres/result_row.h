#pragma once

#include <optional>
#include <string_view>

#include "store/postgres/rows.h"
#include "store/postgres/text_form.h"

namespace nexakey::store::postgres {

/// A row of a result: a Row (store/row.h).
class ResultRow {
 public:
  /// `first`: the column of the result that is number 0 here.
  ResultRow(const Rows& rows, int row, int first = 0) : rows_(rows), row_(row), first_(first) {}

  [[nodiscard]] bool is_null(int column) const { return rows_.is_null(row_, first_ + column); }
  [[nodiscard]] std::string_view text(int column) const {
    return rows_.text(row_, first_ + column);
  }
  [[nodiscard]] std::optional<std::int64_t> number(int column) const {
    return parse_number(text(column));
  }
  [[nodiscard]] std::optional<core::CredentialHash> hash(int column) const {
    return parse_hash(text(column));
  }
  [[nodiscard]] std::string bytes(int column) const { return rows_.bytes(row_, first_ + column); }

 private:
  const Rows& rows_;
  int row_;
  int first_;
};

}  // namespace nexakey::store::postgres
