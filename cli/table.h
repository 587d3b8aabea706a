#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nexakey::cli {

enum class Style { plain, good, bad, dim };

/// Text in a table. Control characters are shown as U+FFFD.
struct Cell {
  Cell(std::string cell_text, Style cell_style = Style::plain)  // NOLINT: a cell is mostly text
      : text(std::move(cell_text)), style(cell_style) {}
  Cell(const char* cell_text) : text(cell_text) {}  // NOLINT

  std::string text;
  Style style = Style::plain;
};

struct Column {
  std::string title;
  bool right_aligned = false;
  bool may_shrink = false;  ///< is truncated if the terminal is too narrow
};

/// The title of a column: its name in upper case.
std::string title_of(std::string_view name);

/// The style of a table.
struct TableStyle {
  std::optional<std::size_t> width{};  ///< columns of the terminal; nothing: unlimited
  bool color = false;
};

/// A table with a line of titles. Text is measured in terminal columns (Unicode TR11).
class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  /// Adds a row with one cell for each column.
  void add(std::vector<Cell> row) { rows_.push_back(std::move(row)); }
  [[nodiscard]] bool empty() const { return rows_.empty(); }
  std::vector<Cell>& row(std::size_t number) { return rows_[number]; }
  /// Removes the column with this title.
  void drop(std::string_view title);
  /// The width of the table in terminal columns if nothing is truncated.
  [[nodiscard]] std::size_t width() const;
  [[nodiscard]] std::string render(const TableStyle& style) const;

 private:
  [[nodiscard]] std::vector<std::size_t> widths(const TableStyle& style) const;

  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

/// Names and values, one pair per line.
std::string render_fields(const std::vector<std::pair<std::string, Cell>>& fields,
                          const TableStyle& style);

}  // namespace nexakey::cli
