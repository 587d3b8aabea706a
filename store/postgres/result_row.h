#pragma once

#include <charconv>
#include <optional>
#include <string_view>

#include "core/sha256.h"
#include "store/postgres/connection.h"

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
    const std::string_view digits = text(column);
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    return error == std::errc() && end == digits.data() + digits.size() ? std::optional(number)
                                                                        : std::nullopt;
  }
  /// Of a bytea in its hex format.
  [[nodiscard]] std::optional<core::CredentialHash> hash(int column) const {
    const std::string_view digits = text(column);
    return digits.starts_with("\\x") ? core::hash_from_hex(digits.substr(2)) : std::nullopt;
  }

  [[nodiscard]] std::string bytes(int column) const { return rows_.bytes(row_, first_ + column); }

 private:
  const Rows& rows_;
  int row_;
  int first_;
};

}  // namespace nexakey::store::postgres
