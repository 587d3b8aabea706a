#include "cli/confirm_keys.h"

#include <algorithm>

#include "cli/key_view.h"

namespace nexakey::cli {
namespace {

constexpr std::size_t kMaxRows = 10;

/// The first keys as a table on standard error, below their number.
void print_preview(const Context& context, const std::vector<core::Key>& keys) {
  const KeyView view(context);
  const std::size_t shown = std::min(keys.size(), kMaxRows);
  Table table({{.title = "ID"},
               {.title = "NAME", .min_width = kMinTextWidth},
               {.title = "WORKSPACE", .min_width = kMinTextWidth, .left_out = 1},
               {.title = "STATUS", .left_out = 2},
               {.title = "USED", .left_out = 3}});
  for (std::size_t i = 0; i < shown; ++i) {
    table.add({keys[i].id.to_string(), keys[i].name, keys[i].workspace, view.status(keys[i]),
               view.brief_time(keys[i].last_use.at)});
  }
  const TableStyle style{.width = context.terminal.width.value_or(kDefaultWidth),
                         .color = view.style().color};
  table.fit(*style.width);
  std::string text = std::to_string(keys.size()) + " keys:\n" + table.render(style);
  if (keys.size() > shown) {
    text += "and " + std::to_string(keys.size() - shown) + " more\n";
  }
  text.pop_back();  // print_note ends the line
  print_note(text);
}

}  // namespace

void confirm_keys(const Context& context, const std::vector<core::Key>& keys,
                  const ChangeWords& words) {
  const std::string names = describe(keys);
  const bool is_one = keys.size() == 1;
  if (!is_one && !context.settings.yes && context.terminal.can_ask()) {
    print_preview(context, keys);
  }
  const std::string what = is_one ? names : std::to_string(keys.size()) + " keys";
  context.require_yes(std::string(words.verb) + " " + what + words.question_end + "?",
                      std::string(words.action) + " " + names + words.action_end);
}

}  // namespace nexakey::cli
