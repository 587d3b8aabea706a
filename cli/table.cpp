#include "cli/table.h"

#include <algorithm>
#include <numeric>

#include "core/text.h"

namespace nexakey::cli {
namespace {

constexpr std::size_t kGap = 2;

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
    const std::size_t width = core::display_width(text) + core::display_width(cells[i].bad_tail);
    const std::string padding(widths[i] - std::min(widths[i], width), ' ');
    const std::string painted =
        paint(text, cells[i].style, color) + paint(cells[i].bad_tail, Style::bad, color);
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

std::vector<std::size_t> Table::full_widths() const {
  std::vector<std::size_t> widths;
  for (const Column& column : columns_) {
    widths.push_back(core::display_width(column.title));
  }
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], core::display_width(core::printable(row[i].text)) +
                                          core::display_width(row[i].bad_tail));
    }
  }
  return widths;
}

std::vector<std::size_t> Table::widths(const TableStyle& style) const {
  std::vector<std::size_t> widths = full_widths();
  // Each turn cuts the widest column that may be cut.
  for (std::size_t all = total(widths); style.width && all > *style.width;) {
    std::size_t* widest = nullptr;
    for (std::size_t i = 0; i < widths.size(); ++i) {
      const std::size_t min = columns_[i].min_width;
      if (min > 0 && widths[i] > min && (widest == nullptr || widths[i] > *widest)) {
        widest = &widths[i];
      }
    }
    if (widest == nullptr) {
      break;
    }
    --*widest;
    --all;
  }
  return widths;
}

void Table::fit(std::size_t width) {
  std::vector<std::size_t> least = full_widths();
  for (std::size_t i = 0; i < least.size(); ++i) {
    if (columns_[i].min_width > 0) {
      least[i] = std::min(least[i], columns_[i].min_width);
    }
  }
  while (total(least) > width) {
    const auto column = std::ranges::max_element(columns_, {}, &Column::left_out);
    if (column->left_out == 0) {
      return;
    }
    const auto index = column - columns_.begin();
    left_out_.push_back(column->title);
    least.erase(least.begin() + index);
    remove(static_cast<std::size_t>(index));
  }
}

void Table::remove(std::size_t column) {
  const auto index = static_cast<std::ptrdiff_t>(column);
  columns_.erase(columns_.begin() + index);
  for (auto& row : rows_) {
    row.erase(row.begin() + index);
  }
}

std::size_t Table::width() const { return total(full_widths()); }

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
