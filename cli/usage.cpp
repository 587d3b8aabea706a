#include <algorithm>
#include <memory>

#include "cli/command.h"
#include "cli/key_argument.h"
#include "cli/options.h"
#include "cli/peak_view.h"
#include "cli/usage_view.h"
#include "core/json.h"

namespace nexakey::cli {
namespace {

constexpr const char* kExamples =
    "nexakey usage\n"
    "nexakey usage --by key --sort errors --top 10\n"
    "nexakey usage crm --since 7d --by day\n"
    "nexakey usage --peak --top 10\n"
    "nexakey usage crm -o json | jq .error_rate";

constexpr std::size_t kDateLength = 10;  // of 2026-11-24

struct Options {
  std::optional<std::string> key{};
  std::optional<std::string> since{};
  std::string by = "endpoint";
  std::optional<std::string> sort{};
  std::optional<std::string> top{};
  bool lineage = false;
  bool no_chart = false;
  bool peak = false;
};

/// The key and the keys it was rotated from, newest first.
std::vector<core::KeyId> line_of(store::KeyStore& store, const core::Key& key) {
  std::vector<core::KeyId> line{key.id};
  for (auto from = key.rotated_from; from && std::ranges::count(line, *from) == 0;) {
    line.push_back(*from);
    const auto previous = find_key(store, *from);
    from = previous ? previous->rotated_from : std::nullopt;
  }
  return line;
}

/// The usage of the query, or the sum over a line of keys.
core::UsageReport report_line(store::KeyStore& store, const core::UsageQuery& query,
                              const std::vector<core::KeyId>& line, core::Time now) {
  if (line.size() <= 1) {
    return value_of(store.usage(query, now));
  }
  core::UsageQuery of_key = query;
  of_key.top.reset();  // the first groups of the sum are not those of each key
  core::UsageReport sum = value_of(store.usage(of_key, now));
  for (std::size_t i = 1; i < line.size(); ++i) {
    of_key.key = line[i];
    sum.add(value_of(store.usage(of_key, now)));
  }
  sum.rank(query);
  return sum;
}

/// Sets what all reports have: the time from which on, and how many rows. `max`: at most so many.
template <typename Query>
void set_bounds(Query& query, const Options& options, std::uint32_t max, core::Time now) {
  if (options.since) {
    query.since = value_of(core::parse_time_before(*options.since, now));
  }
  if (options.top) {
    query.top =
        static_cast<std::uint32_t>(std::min(parse_count(*options.top, "--top"), std::size_t{max}));
  }
}

core::UsageQuery query_of(const Options& options, core::Time now) {
  core::UsageQuery query;
  query.by = value_of(core::parse_grouping(options.by));
  set_bounds(query, options, core::kMaxTop, now);
  if (options.sort) {
    query.sort = value_of(core::parse_usage_order(*options.sort));
  }
  return query;
}

ExitStatus run_peak(Context& context, const Options& options) {
  core::PeakQuery query;
  set_bounds(query, options, core::kMaxTopPeaks, context.now());
  const auto store = context.open_store();
  if (options.key) {
    query.key = find_key(context, *store, *options.key, Namesakes::or_ended).id;
  } else {
    query.workspace = context.settings.workspace_or_default();
  }
  print_peaks(context, value_of(store->peaks(query, context.now())));
  return ExitStatus::done;
}

/// Says which groups of a report by the hour are whole days.
void note_days(const Context& context, const core::UsageReport& report) {
  std::string last;
  for (const core::UsageGroup& group : report.groups) {
    if (group.name.size() == kDateLength) {
      last = std::max(last, group.name);
    }
  }
  if (report.by == core::Grouping::hour && !last.empty() && !context.settings.quiet) {
    print_note("nexakey: until " + last + ", counts are kept by the day");
  }
}

ExitStatus run(Context& context, const Options& options) {
  if (options.peak) {
    return run_peak(context, options);
  }
  const core::Time now = context.now();
  core::UsageQuery query = query_of(options, now);
  if (options.lineage && !options.key) {
    throw Failure{{core::ErrorCode::usage, "--lineage applies to one key", "name the key"}};
  }
  const auto store = context.open_store();
  std::vector<core::KeyId> line;
  if (options.key) {
    const core::Key key = find_key(context, *store, *options.key, Namesakes::or_ended);
    query.key = key.id;
    line = options.lineage ? line_of(*store, key) : line;
  } else {
    query.workspace = context.settings.workspace_or_default();
  }
  core::UsageReport report = report_line(*store, query, line, now);
  note_days(context, report);
  if (context.settings.format != Format::table) {
    core::JsonWriter json(context.out.buffer());
    core::write_usage(json, query.key, report);
    context.out.write("\n");
    return ExitStatus::done;
  }
  // The order is not asked of the store, because an older server does not know it.
  if (!query.sort && !core::is_of_time(query.by)) {
    query.sort = core::UsageOrder::requests;
    report.rank(query);
  }
  print_usage(context, report,
              {.has_chart = context.terminal.output && !options.no_chart,
               .is_in_order = core::is_of_time(query.by) && !query.sort && !query.top});
  return ExitStatus::done;
}

Runner attach(Arguments& app) {
  const auto options = std::make_shared<Options>();
  app.add_option("KEY", options->key, "A key as for show (default: all keys of the workspace)")
      ->type_name("KEY");
  app.add_option("--since", options->since,
                 "Start of error rate and table: 7d or a time (default: this month, of --peak 7d)")
      ->type_name("DURATION|TIME");
  auto* const peak =
      app.add_flag("--peak", options->peak, "Rank keys by how close they came to their limits");
  auto* const by = app.add_option("--by", options->by, "How to group the table (default: endpoint)")
                       ->type_name("endpoint|day|hour|status|reason|key");
  auto* const sort =
      app.add_option("--sort", options->sort, "The groups with the most of these first")
          ->type_name("requests|errors|denied|rate_limited");
  app.add_option("--top", options->top, "Only the first N groups (default of --peak: 100)")
      ->type_name("N");
  auto* const lineage =
      app.add_flag("--lineage", options->lineage, "Include the keys it was rotated from");
  peak->excludes(by)->excludes(sort)->excludes(lineage);
  app.add_flag("--no-chart", options->no_chart, "No bars in a terminal");
  app.footer(kExamples);
  return [options](Context& context) { return run(context, *options); };
}

}  // namespace

const Command kUsage{"usage", "Show how keys are used", attach};

}  // namespace nexakey::cli
