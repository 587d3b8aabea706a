#include "cli/wrap.h"

#include "core/text.h"

namespace nexakey::cli {
namespace {

std::string_view without_last_space(std::string_view line) {
  return line.ends_with(' ') ? line.substr(0, line.size() - 1) : line;
}

}  // namespace

std::vector<std::string> wrap(std::string_view text, std::size_t width, char separator) {
  std::vector<std::string> lines;
  std::string line;
  while (!text.empty()) {
    const std::size_t end = text.find(separator);
    const std::string_view part =
        text.substr(0, end == std::string_view::npos ? text.size() : end + 1);
    text.remove_prefix(part.size());
    if (!line.empty() &&
        core::display_width(line) + core::display_width(without_last_space(part)) > width) {
      lines.emplace_back(without_last_space(line));
      line.clear();
    }
    line += part;
  }
  lines.push_back(std::move(line));
  return lines;
}

std::string wrapped_line(std::string_view text, const std::optional<std::size_t>& width) {
  return core::join(wrap(text, width.value_or(text.size())), "\n  ") + "\n";
}

}  // namespace nexakey::cli
