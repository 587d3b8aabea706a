#include "core/import.h"

#include <algorithm>
#include <array>
#include <compare>
#include <deque>
#include <iterator>
#include <memory>
#include <optional>

#include "cli/actor.h"
#include "cli/command.h"
#include "cli/input.h"
#include "cli/key_options.h"
#include "cli/key_view.h"
#include "cli/plain_keys.h"
#include "cli/progress.h"
#include "core/json.h"
#include "core/record.h"
#include "core/text.h"
#include "system/random.h"

namespace nexakey::cli {
namespace {

using core::ErrorCode;
using core::ImportSummary;

constexpr const char* kExamples =
    "nexakey import keys.export --dry-run\n"
    "nexakey export | nexakey import --store sqlite:/srv/keys.db\n"
    "nexakey import --keys keys.csv --scope read";

struct Options {
  std::optional<std::string> file{};
  std::optional<std::string> keys{};
  std::optional<std::string> format{};
  KeyOptions key{};
  bool dry_run = false;
};

/// The key of a list, with `defaults` for the properties that the list does not have.
core::Result<core::Key> make_key(PlainKey plain, const core::Key& defaults) {
  core::Key key = defaults;
  key.id = core::KeyId::generate(system::random_bytes);
  key.hash = plain.hash;
  key.last_four = plain.last_four;
  key.name = plain.name.empty() ? key.id.to_string() : plain.name;
  key.workspace = plain.workspace.empty() ? key.workspace : plain.workspace;
  key.description = plain.description.empty() ? key.description : plain.description;
  key.labels = plain.labels.empty() ? key.labels : std::move(plain.labels);
  if (plain.rate_limit) {
    key.rate_limit = static_cast<std::uint32_t>(*plain.rate_limit);
  }
  const auto take = [](auto parsed, auto& target) {
    return parsed.map([&](auto value) { target = std::move(value); });
  };
  core::Result<void> taken;
  if (!plain.scopes.empty()) {
    taken = take(core::Scopes::parse(plain.scopes), key.scopes);
  } else if (key.scopes.empty()) {
    taken = core::reject("the key has no scopes", "name them with --scope");
  }
  if (taken && !plain.whitelist.empty()) {
    taken = take(core::Whitelist::parse(plain.whitelist), key.whitelist);
  }
  if (taken && !plain.expires.empty()) {
    taken = take(core::parse_expiry(plain.expires, key.created_at), key.expires_at);
  }
  return taken.and_then([&] { return core::check_key(key); }).map([&] { return key; });
}

/// The keys of a list, in 24 bytes each, to find one that is there twice.
class SeenKeys {
 public:
  void add(const PlainKey& key) {
    Seen seen{.line = key.line};
    std::copy_n(key.hash.begin(), seen.hash.size(), seen.hash.begin());
    keys_.push_back(seen);
  }
  /// Error: `usage`, if two keys are equal.
  core::Result<void> check() {
    std::ranges::sort(keys_);
    const auto twin = std::ranges::adjacent_find(keys_, {}, &Seen::hash);
    return twin == keys_.end()
               ? core::Result<void>()
               : tl::unexpected(
                     at_line(std::next(twin)->line,
                             {ErrorCode::usage,
                              "the key is already in line " + std::to_string(twin->line), ""}));
  }

 private:
  struct Seen {
    std::array<unsigned char, 16> hash{};  // its beginning: 128 bits
    std::uint64_t line = 0;
    friend auto operator<=>(const Seen&, const Seen&) = default;
  };
  std::deque<Seen> keys_;  // a vector would be copied as it grows
};

/// An export that was checked.
struct Source {
  Spool spool;
  core::RecordCounts counts;
};

/// Converts a list of keys into an export.
Source adopt(const Context& context, const Options& options) {
  const core::Key defaults = options.key.make_key(context);
  const bool is_typed = *options.keys == "-" && context.terminal.input;
  if (is_typed) {
    note_waiting(context, "a list of keys");
  }
  Input input(*options.keys);
  KeyListText text([&] { return input.next_piece(); });
  const auto format = options.format ? parse_key_list_format(*options.format)
                                     : guess_key_list_format(text.beginning());
  if (!format) {
    throw Failure{{ErrorCode::usage, "unknown list format " + core::quote(*options.format),
                   "use lines, csv or json"}};
  }
  Spool spool;
  std::string records;
  core::ExportWriter writer(records, std::nullopt);
  SeenKeys seen;
  Progress progress(context);
  auto read = read_plain_keys(text, *format, [&](PlainKey plain) -> core::Result<void> {
    seen.add(plain);
    if (!is_typed) {
      progress.show([&] { return "keys read: " + std::to_string(writer.counts().keys); });
    }
    return make_key(std::move(plain), defaults).map([&](const core::Key& key) {
      writer.add(key);
      if (records.size() >= core::kMaxImportPartSize) {
        spool.write(records);
        records.clear();
      }
    });
  });
  read = read.and_then([&] { return seen.check(); });
  if (!read) {
    read.error().message = input.name() + ": " + read.error().message;
    throw Failure{std::move(read.error())};
  }
  writer.finish();
  spool.write(records);
  return {std::move(spool), writer.counts()};
}

Source read_export(const Context& context, const std::string& file) {
  if (file == "-") {
    note_waiting(context, "an export");
  }
  Spool spool{Input(file)};
  Progress progress(context);
  const std::uint64_t size = spool.size();
  core::ExportReader reader;
  spool.rewind();
  while (const auto line = spool.next_line(core::kMaxRecordSize)) {
    value_of(reader.read(*line));
    progress.show([&] { return progress_bar("reading", spool.position(), size); });
  }
  value_of(reader.finish());
  return {std::move(spool), reader.counts()};
}

/// Uploads the lines in parts and returns the number of parts.
std::uint32_t stage(const Context& context, store::KeyStore& store, core::ImportId id, Spool& spool,
                    Progress& progress) {
  const std::uint64_t size = spool.size();
  std::uint32_t parts = 0;
  std::string part;
  const auto send = [&] {
    value_of(store.as(local_actor()).stage_import(id, parts++, part, context.now()));
    part.clear();
    progress.show([&] { return progress_bar("uploading", spool.position(), size); });
  };
  spool.rewind();
  while (const auto line = spool.next_line(core::kMaxRecordSize)) {
    if (part.size() + line->size() + 1 > core::kMaxImportPartSize) {
      send();
    }
    part += *line;
    part += '\n';
  }
  send();
  return parts;
}

/// The result of an import into a store that does not exist yet.
ImportSummary summary_of(const core::RecordCounts& counts) {
  return {.tokens = {.added = counts.tokens},
          .keys = {.added = counts.keys},
          .usage = {.added = counts.usage},
          .audit = {.added = counts.audit}};
}

ImportSummary import(const Context& context, Source& source, const core::ImportOptions& options) {
  Spool& spool = source.spool;
  Progress progress(context);
  auto store = context.try_open_store(options.dry_run ? store::OpenMode::existing
                                                      : store::OpenMode::create_if_missing);
  if (!store && options.dry_run && store.error().code == ErrorCode::not_found) {
    return summary_of(source.counts);
  }
  const auto opened = value_of(std::move(store));
  const auto id = core::ImportId::generate(system::random_bytes);
  const std::uint32_t parts = stage(context, *opened, id, spool, progress);
  const ProgressTicker ticker(progress, std::string("writing to the store"));
  return value_of(opened->as(local_actor()).commit_import(id, parts, options, context.now()));
}

void print_table(Context& context, const ImportSummary& summary) {
  const KeyView view(context);
  if (summary.conflict_count > 0) {
    Table conflicts({{"ID"}, {"CONFLICT", false, true}});
    for (const core::ImportConflict& conflict : summary.conflicts) {
      conflicts.add({conflict.id, conflict.problem});
    }
    context.out.write(conflicts.render(view.style()));
    return;
  }
  Table table({{"RECORDS"}, {"ADDED", true}, {"CHANGED", true}, {"UNCHANGED", true}});
  const auto add = [&](const char* name, const core::ImportCounts& counts) {
    table.add({name, std::to_string(counts.added), std::to_string(counts.changed),
               std::to_string(counts.unchanged)});
  };
  add("tokens", summary.tokens);
  add("keys", summary.keys);
  add("usage", summary.usage);
  add("audit", {.added = summary.audit.added, .unchanged = summary.audit.unchanged});
  context.out.write(table.render(view.style()));
}

void print(Context& context, const ImportSummary& summary, bool dry_run) {
  if (context.settings.format == Format::table) {
    print_table(context, summary);
    return;
  }
  core::JsonWriter json(context.out.buffer());
  json.begin_object().name("import");
  core::write_import(json, summary, dry_run);
  json.end_object();
  context.out.write("\n");
}

void check_options(const Options& options) {
  const auto refuse = [](std::string message) {
    throw Failure{{ErrorCode::usage, std::move(message), "see nexakey import --help"}};
  };
  if (options.keys && options.file) {
    refuse("cannot import an export and --keys together");
  }
  if (!options.keys && (options.key.given() || options.format)) {
    refuse("key options are only for --keys");
  }
}

ExitStatus run(Context& context, const Options& options) {
  check_options(options);
  // Checked before the store is opened, so that an invalid export does not create an empty store.
  Source source =
      options.keys ? adopt(context, options) : read_export(context, options.file.value_or("-"));
  const core::ImportOptions how{.dry_run = options.dry_run, .keep_known = options.keys.has_value()};
  const ImportSummary summary = import(context, source, how);
  if (!context.settings.quiet) {
    print(context, summary, options.dry_run);
  }
  if (summary.conflict_count > 0) {
    context.out.flush();
    throw Failure{{ErrorCode::conflict,
                   std::to_string(summary.conflict_count) +
                       (summary.has_changes() || summary.audit.added > 0
                            ? " of the records conflict with the store as it became during the"
                              " import; all others were imported"
                            : " of the records conflict with the store; nothing was imported"),
                   summary.conflict_count > summary.conflicts.size()
                       ? "the first " + std::to_string(summary.conflicts.size()) + " are listed"
                       : ""}};
  }
  if (summary.audit.left_out > 0 && !context.settings.quiet) {
    context.out.flush();
    print_note("nexakey: the store has its own audit log: the one of the export was left out");
  }
  if (options.dry_run && !context.settings.quiet) {
    context.out.flush();
    print_note("Dry run: nothing was imported");
  }
  return ExitStatus::done;
}

Runner attach(Arguments& app) {
  const auto options = std::make_shared<Options>();
  app.add_option("FILE", options->file, "An export (default: - for standard input)")
      ->type_name("FILE");
  app.add_flag("--dry-run", options->dry_run, "Show what would be imported and change nothing");
  app.add_option("--keys", options->keys, "Import a list of whole keys, or - for standard input")
      ->type_name("FILE");
  app.add_option("--format", options->format, "The format of the list (default: detected)")
      ->type_name("lines|csv|json");
  options->key.add_to(app);
  app.footer(kExamples);
  return [options](Context& context) { return run(context, *options); };
}

}  // namespace

const Command kImport{"import", "Add an export or a list of keys to the store", attach};

}  // namespace nexakey::cli
