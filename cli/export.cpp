#include <array>
#include <memory>
#include <optional>

#include "cli/command.h"
#include "cli/new_file.h"
#include "cli/summary.h"
#include "core/record.h"

namespace nexakey::cli {
namespace {

constexpr const char* kExamples =
    "nexakey export keys.export\n"
    "nexakey export | ssh backup 'cat > keys.export'\n"
    "nexakey export -w crm crm.export";

struct Options {
  std::optional<std::string> file{};
};

core::RecordCounts write_export(const Context& context, store::KeyStore& store, Output& out) {
  const auto& workspace = context.settings.workspace;
  core::ExportWriter writer(out.buffer(), workspace);
  value_of(store.export_records(workspace, [&](const core::Record& record) {
    writer.add(record);
    out.flush_if_full();
    return true;
  }));
  writer.finish();
  out.flush();
  return writer.counts();
}

ExitStatus run(Context& context, const Options& options) {
  const auto store = context.open_store();
  if (options.file) {
    const NewFile file(*options.file, "the export");
    Output out(file.descriptor(), *options.file);
    const core::RecordCounts counts = write_export(context, *store, out);
    file.sync();
    file.publish();
    print_summary(
        context, "export", options.file,
        std::array{Figure{"tokens", "tokens", counts.tokens}, Figure{"keys", "keys", counts.keys},
                   Figure{"usage", "usage", counts.usage}, Figure{"audit", "audit", counts.audit}});
  } else {
    write_export(context, *store, context.out);
  }
  if (context.settings.workspace && !context.settings.quiet) {
    print_note("nexakey: this export has only the workspace " + *context.settings.workspace +
               " and the tokens bound to it,"
               " not the audit log");
  }
  return ExitStatus::done;
}

Runner attach(Arguments& app) {
  const auto options = std::make_shared<Options>();
  app.add_option("FILE", options->file, "A new file, mode 0600 (default: standard output)")
      ->type_name("FILE");
  app.footer(kExamples);
  return [options](Context& context) { return run(context, *options); };
}

}  // namespace

const Command kExport{"export", "Write the contents of the store, with hashes in place of keys",
                      attach};

}  // namespace nexakey::cli
