#include "cli/print_table.h"

#include "core/text.h"

namespace nexakey::cli {

void print_table(Context& context, Table table, std::string_view advice) {
  note_left_out(context, write_table(context, std::move(table)), advice);
}

std::vector<std::string> write_table(Context& context, Table table) {
  const TableStyle style{.width = context.terminal.width, .color = context.settings.color};
  if (style.width) {
    table.fit(*style.width);
  }
  context.out.write(table.render(style));
  return table.left_out();
}

void note_left_out(Context& context, const std::vector<std::string>& titles,
                   std::string_view advice) {
  if (!titles.empty() && !context.settings.quiet) {
    context.out.flush();
    print_note("nexakey: hidden: " + core::join(titles, ", ") + ": " + std::string(advice));
  }
}

}  // namespace nexakey::cli
