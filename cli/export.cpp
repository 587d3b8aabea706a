#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <system_error>

#include <sys/stat.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/new_file.h"
#include "cli/progress.h"
#include "cli/summary.h"
#include "core/record.h"
#include "system/temporary_file.h"

namespace nexakey::cli {
namespace {

constexpr const char* kExamples =
    "nexakey export keys.export\n"
    "nexakey export | ssh backup 'cat > keys.export'\n"
    "nexakey export -w crm crm.export";

constexpr std::size_t kPieceSize = 65536;

struct Options {
  std::optional<std::string> file{};
};

core::RecordCounts write_export(const Context& context, store::KeyStore& store, Output& out) {
  const auto& workspace = context.settings.workspace;
  core::ExportWriter writer(out.buffer(), workspace);
  Progress progress(context);
  std::uint64_t records = 0;
  value_of(store.export_records(workspace, [&](const core::Record& record) {
    writer.add(record);
    out.flush_if_full();
    ++records;
    progress.show([&] { return "records exported: " + std::to_string(records); });
    return true;
  }));
  writer.finish();
  out.flush();
  return writer.counts();
}

/// Whether something else takes the output, in its own time.
bool is_consumed_by_others(int descriptor) {
  struct stat status {};
  return ::fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode);
}

/// Writes the export to a temporary file first: the store keeps its snapshot during that, and not
/// until the reader of the output has taken everything.
void pass_on_export(Context& context, store::KeyStore& store) {
  constexpr const char* kName = "a temporary file";
  std::error_code error;
  const system::Descriptor file = system::open_temporary_file(error);
  if (error) {
    throw Failure{{core::ErrorCode::failed, "cannot make a temporary file: " + error.message(),
                   "make room in the folder for temporary files, TMPDIR"}};
  }
  Output spool(file.value(), kName);
  write_export(context, store, spool);
  ::lseek(file.value(), 0, SEEK_SET);
  std::string piece;
  do {
    if (!system::read_up_to(file.value(), kPieceSize, piece)) {
      throw Failure{{core::ErrorCode::failed, std::string(kName) + " cannot be read", ""}};
    }
    context.out.write(piece);
  } while (!piece.empty());
  context.out.flush();
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
  } else if (is_consumed_by_others(STDOUT_FILENO)) {
    pass_on_export(context, *store);
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
