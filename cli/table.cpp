#include "cli/table.h"

#include <algorithm>
#include <numeric>

#include "core/text.h"

namespace nexakey::cli {
namespace {

constexpr std::size_t kGap = 2;
constexpr std::size_t kMinColumnWidth = 8;

std::string paint(const std::string& text, Style style, bool color) {
  if (!color || style == Style::plain || text.empty()) {
    return text;
  }
  const char* const code = style == Style::good ? "32" : style == Style::bad ? "31" : "2";
  return "\x1B[" + std::string(code) + "m" + text + "\x1B[0m";
}

std::size_t total(const std::vector<std::size_t>& widths) {
  return std::accumulate(widths.begin(), widths.end(), kGap * (widths.size() - 1));
}

void append_line(std::string& out, const std::vector<Cell>& cells,
                 const std::vector<Column>& columns, const std::vector<std::size_t>& widths,
                 bool color) {
  std::string line;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const std::string text = core::fit(core::printable(cells[i].text), widths[i]);
    const std::string padding(widths[i] - std::min(widths[i], core::display_width(text)), ' ');
    const std::string painted = paint(text, cells[i].style, color);
    line += columns[i].right_aligned ? padding + painted : painted + padding;
    line += std::string(kGap, ' ');
  }
  line.erase(line.find_last_not_of(' ') + 1);
  out += line + "\n";
}

}  // namespace

std::string title_of(std::string_view name) {
  std::string title(name);
  std::ranges::transform(title, title.begin(), core::to_upper);
  return title;
}

std::vector<std::size_t> Table::widths(const TableStyle& style) const {
  std::vector<std::size_t> widths;
  for (const Column& column : columns_) {
    widths.push_back(core::display_width(column.title));
  }
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], core::display_width(core::printable(row[i].text)));
    }
  }
  if (!style.width) {
    return widths;
  }
  for (std::size_t i = 0; i < widths.size(); ++i) {
    if (columns_[i].may_shrink && total(widths) > *style.width) {
      const std::size_t excess = total(widths) - *style.width;
      const std::size_t min = std::min(widths[i], kMinColumnWidth);
      widths[i] = std::max(min, widths[i] - std::min(widths[i], excess));
    }
  }
  // Columns beyond the width are truncated.
  std::size_t room = *style.width;
  for (std::size_t& width : widths) {
    width = std::min(width, room);
    room -= std::min(room, width + kGap);
  }
  return widths;
}

void Table::drop(std::string_view title) {
  const auto column = std::ranges::find(columns_, title, &Column::title);
  const auto index = column - columns_.begin();
  columns_.erase(column);
  for (auto& row : rows_) {
    row.erase(row.begin() + index);
  }
}

std::size_t Table::width() const { return total(widths({})); }

std::string Table::render(const TableStyle& style) const {
  const auto column_widths = widths(style);
  std::vector<Cell> titles;
  for (const Column& column : columns_) {
    titles.emplace_back(column.title, Style::dim);
  }
  std::string out;
  append_line(out, titles, columns_, column_widths, style.color);
  for (const auto& row : rows_) {
    append_line(out, row, columns_, column_widths, style.color);
  }
  return out;
}

std::string render_fields(const std::vector<std::pair<std::string, Cell>>& fields,
                          const TableStyle& style) {
  std::size_t width = 0;
  for (const auto& [name, cell] : fields) {
    width = std::max(width, name.size());
  }
  std::string out;
  for (const auto& [name, cell] : fields) {
    out += paint(name, Style::dim, style.color) + std::string(width - name.size() + kGap, ' ') +
           paint(core::printable(cell.text), cell.style, style.color) + "\n";
  }
  return out;
}

}  // namespace nexakey::cli
