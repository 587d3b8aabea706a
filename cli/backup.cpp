#include <array>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <system_error>

#include "cli/command.h"
#include "cli/new_file.h"
#include "cli/progress.h"
#include "cli/summary.h"

namespace nexakey::cli {
namespace {

constexpr const char* kExamples =
    "nexakey backup \"/srv/backup/keys-$(date +%F).db\"\n"
    "nexakey backup keys.bak &&\n"
    "  nexakey restore keys.bak --store sqlite:copy.db --yes";

struct Options {
  std::string file{};
};

store::BackupSummary write_backup(const Context& context, const std::filesystem::path& file) {
  Progress progress(context);
  const ProgressTicker ticker(progress, [&] {
    std::error_code unknown;
    const auto size = std::filesystem::file_size(file, unknown);
    return "copied: " + readable_size(unknown ? 0 : size);
  });
  return value_of(store::backup(context.settings.store.value, file));
}

ExitStatus run(Context& context, const Options& options) {
  context.print_store_note();
  const NewFile file(options.file, "the backup");
  const auto summary = write_backup(context, file.temporary_path());
  file.sync();
  file.publish();
  print_summary(
      context, "backup", options.file,
      std::array{Figure{"tokens", "tokens", summary.tokens}, Figure{"keys", "keys", summary.keys}});
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
