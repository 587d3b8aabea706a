#include "cli/summary.h"

#include <string>
#include <utility>
#include <vector>

#include "cli/key_view.h"
#include "cli/table.h"
#include "core/json_writer.h"

namespace nexakey::cli {

void print_summary(Context& context, const char* command, const std::optional<std::string>& file,
                   std::span<const Figure> figures) {
  if (context.settings.quiet) {
    return;
  }
  if (context.settings.format == Format::table) {
    std::vector<std::pair<std::string, Cell>> fields;
    if (file) {
      fields.emplace_back("file", *file);
    }
    for (const Figure& figure : figures) {
      fields.emplace_back(figure.label, std::to_string(figure.value));
    }
    context.out.write(render_fields(fields, KeyView(context).style()));
    return;
  }
  core::JsonWriter json(context.out.buffer());
  json.begin_object().name(command).begin_object();
  if (file) {
    json.name("file").string(*file);
  }
  for (const Figure& figure : figures) {
    json.name(figure.name).number(figure.value);
  }
  json.end_object().end_object();
  context.out.write("\n");
}

}  // namespace nexakey::cli
