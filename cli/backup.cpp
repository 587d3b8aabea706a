#include <memory>
#include <optional>
#include <string>

#include "cli/command.h"
#include "cli/key_view.h"
#include "cli/new_file.h"
#include "core/json_writer.h"

namespace nexakey::cli {
namespace {

constexpr const char* kExamples =
    "nexakey backup \"/srv/backup/keys-$(date +%F).db\"\n"
    "nexakey backup keys.bak && nexakey restore keys.bak --store sqlite:copy.db --yes";

struct Options {
  std::string file{};
};

void print_summary(Context& context, const std::string& file, const store::BackupSummary& summary) {
  if (context.settings.quiet) {
    return;
  }
  if (context.settings.format == Format::table) {
    context.out.write(render_fields({{"file", file},
                                     {"tokens", std::to_string(summary.tokens)},
                                     {"keys", std::to_string(summary.keys)}},
                                    KeyView(context).style()));
    return;
  }
  core::JsonWriter json(context.out.buffer());
  json.begin_object().name("backup").begin_object();
  json.name("file").string(file);
  json.name("tokens").number(summary.tokens);
  json.name("keys").number(summary.keys);
  json.end_object().end_object();
  context.out.write("\n");
}

ExitStatus run(Context& context, const Options& options) {
  context.print_store_note();
  const NewFile file(options.file, "the backup");
  const auto summary = value_of(store::backup(context.settings.store.value, file.temporary_path()));
  file.sync();
  file.publish();
  print_summary(context, options.file, summary);
  return ExitStatus::done;
}

Runner attach(Arguments& app) {
  const auto options = std::make_shared<Options>();
  app.add_option("FILE", options->file, "A new file, mode 0600")->type_name("FILE")->required();
  app.footer(kExamples);
  return [options](Context& context) { return run(context, *options); };
}

}  // namespace

const Command kBackup{"backup", "Write a copy of a running SQLite store to a file", attach};

}  // namespace nexakey::cli
