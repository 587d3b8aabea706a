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
  std::string bad_tail{};  ///< more text, in Style::bad
};

/// The width to which names and other short texts may be cut.
inline constexpr std::size_t kMinTextWidth = 14;

/// A column. One with numbers has no `min_width`: it is left out or shown whole.
struct Column {
  std::string title;
  bool right_aligned = false;
  std::size_t min_width = 0;  ///< text may be cut to this width; 0: it is never cut
  std::size_t left_out = 0;   ///< of several columns, the one with the largest number is left out
                              ///< first if the width is too small; 0: it is always shown
};

/// The title of a column: its name in upper case.
std::string title_of(std::string_view name);

/// The style of a table.
struct TableStyle {
  std::optional<std::size_t> width{};  ///< columns of the terminal; nothing: unlimited
  bool color = false;
};

/// A table with a line of titles. Text is measured in terminal columns (Unicode TR11).
///
/// A table that is too wide first loses columns (Column::left_out), then cuts its widest texts.
class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  /// Adds a row with one cell for each column.
  void add(std::vector<Cell> row) { rows_.push_back(std::move(row)); }
  [[nodiscard]] bool empty() const { return rows_.empty(); }
  std::vector<Cell>& row(std::size_t number) { return rows_[number]; }
  /// The width of the table in terminal columns if nothing is cut.
  [[nodiscard]] std::size_t width() const;
  /// Adds a column behind the others. The caller adds its cells to the rows.
  void add_column(Column column) { columns_.push_back(std::move(column)); }
  /// Leaves columns out until the others have room.
  void fit(std::size_t width);
  /// The titles of the columns that were left out.
  [[nodiscard]] const std::vector<std::string>& left_out() const { return left_out_; }
  [[nodiscard]] std::string render(const TableStyle& style) const;

 private:
  void remove(std::size_t column);
  [[nodiscard]] std::vector<std::size_t> full_widths() const;
  [[nodiscard]] std::vector<std::size_t> widths(const TableStyle& style) const;

  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
  std::vector<std::string> left_out_;
};

/// Names and values, one pair per line.
std::string render_fields(const std::vector<std::pair<std::string, Cell>>& fields,
                          const TableStyle& style);

}  // namespace nexakey::cli
