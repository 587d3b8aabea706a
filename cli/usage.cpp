#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>

#include "cli/command.h"
#include "cli/key_argument.h"
#include "cli/key_view.h"
#include "core/json.h"
#include "core/text.h"

namespace nexakey::cli {
namespace {

constexpr const char* kExamples =
    "nexakey usage\n"
    "nexakey usage crm --since 7d --by day\n"
    "nexakey usage crm -o json | jq .error_rate";

constexpr std::size_t kMaxBarWidth = 24;
constexpr std::size_t kDateLength = 10;  // of 2026-11-24

struct Options {
  std::optional<std::string> key{};
  std::optional<std::string> since{};
  std::string by = "endpoint";
  bool lineage = false;
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

/// The usage of a key, or the sum over a line of keys.
core::UsageReport report_line(store::KeyStore& store, core::UsageQuery query,
                              const std::vector<core::KeyId>& line, core::Time now) {
  core::UsageReport sum = value_of(store.usage(query, now));
  for (std::size_t i = 1; i < line.size(); ++i) {
    query.key = line[i];
    sum.add(value_of(store.usage(query, now)));
  }
  return sum;
}

std::string bar(std::uint64_t requests, std::uint64_t max_requests, std::size_t max_width) {
  const auto length =
      max_requests == 0 ? 0 : (requests * max_width + max_requests - 1) / max_requests;
  std::string drawn;
  for (std::uint64_t i = 0; i < length; ++i) {
    drawn += "█";
  }
  return drawn;
}

void add_counts(std::vector<Cell>& row, const core::Counts& counts) {
  row.emplace_back(std::to_string(counts.requests));
  for (const std::uint64_t count :
       {counts.errors(), counts.denied, counts.rate_limited, counts.upstream_errors}) {
    row.emplace_back(std::to_string(count), count == 0 ? Style::plain : Style::bad);
  }
}

std::vector<Column> count_columns(std::string title) {
  return {{std::move(title), false, true}, {"REQUESTS", true}, {"ERRORS", true}, {"DENIED", true},
          {"RATE LIMITED", true},          {"UPSTREAM", true}};
}

std::string render_periods(const KeyView& view, const core::UsageReport& report) {
  Table table(count_columns("PERIOD (UTC)"));
  const std::array<std::pair<const char*, const core::Counts*>, 3> periods{
      {{"today", &report.today},
       {"this week", &report.this_week},
       {"this month", &report.this_month}}};
  for (const auto& [name, counts] : periods) {
    std::vector<Cell> row{name};
    add_counts(row, *counts);
    table.add(std::move(row));
  }
  return table.render(view.style());
}

std::string render_rate(const core::UsageReport& report) {
  std::array<char, 32> percent{};
  std::snprintf(percent.data(), percent.size(), "%.1f %%", 100 * report.error_rate());
  return "since " + core::format_time(report.since) + ": error rate " + percent.data() +
         ", rate-limit hits " + std::to_string(report.total.rate_limited) + "\n";
}

std::string render_groups(const KeyView& view, const core::UsageReport& report) {
  using Group = std::pair<std::string, core::Counts>;
  std::vector<Group> groups(report.groups.begin(), report.groups.end());
  if (report.by == core::Grouping::endpoint || report.by == core::Grouping::status) {
    std::ranges::stable_sort(groups, std::greater<>(),
                             [](const Group& group) { return group.second.requests; });
  }
  std::uint64_t max_requests = 0;
  for (const Group& group : groups) {
    max_requests = std::max(max_requests, group.second.requests);
  }
  auto columns = count_columns(title_of(core::name_of(report.by)));
  columns.push_back({""});
  Table table(std::move(columns));
  for (const auto& [name, counts] : groups) {
    std::vector<Cell> row{name};
    add_counts(row, counts);
    row.emplace_back("");
    table.add(std::move(row));
  }
  if (view.style().width) {
    const std::size_t width = table.width();
    const std::size_t room = *view.style().width - std::min(*view.style().width, width);
    for (std::size_t i = 0; i < groups.size(); ++i) {
      table.row(i).back() =
          bar(groups[i].second.requests, max_requests, std::min(room, kMaxBarWidth));
    }
  }
  return table.empty() ? std::string() : "\n" + table.render(view.style());
}

/// Says which groups of a report by the hour are whole days.
void note_days(const Context& context, const core::UsageReport& report) {
  const auto is_day = [](const auto& group) { return group.first.size() == kDateLength; };
  const auto last = std::find_if(report.groups.rbegin(), report.groups.rend(), is_day);
  if (report.by == core::Grouping::hour && last != report.groups.rend() &&
      !context.settings.quiet) {
    print_note("nexakey: until " + last->first + ", counts are kept by the day");
  }
}

ExitStatus run(Context& context, const Options& options) {
  const core::Time now = context.now();
  core::UsageQuery query;
  query.by = value_of(core::parse_grouping(options.by));
  if (options.since) {
    query.since = value_of(core::parse_time_before(*options.since, now));
  }
  if (options.lineage && !options.key) {
    throw Failure{{core::ErrorCode::usage, "--lineage applies to one key", "name the key"}};
  }
  const auto store = context.open_store();
  std::vector<core::KeyId> line;
  if (options.key) {
    const core::Key key = find_key(context, *store, *options.key);
    query.key = key.id;
    line = options.lineage ? line_of(*store, key) : line;
  } else {
    query.workspace = context.settings.workspace_or_default();
  }
  const core::UsageReport report = report_line(*store, query, line, now);
  note_days(context, report);
  if (context.settings.format != Format::table) {
    core::JsonWriter json(context.out.buffer());
    core::write_usage(json, query.key, report);
    context.out.write("\n");
    return ExitStatus::done;
  }
  const KeyView view(context);
  context.out.write(render_periods(view, report) + "\n" + render_rate(report) +
                    render_groups(view, report));
  return ExitStatus::done;
}

Runner attach(Arguments& app) {
  const auto options = std::make_shared<Options>();
  app.add_option("KEY", options->key, "A key as for show (default: all keys of the workspace)")
      ->type_name("KEY");
  app.add_option("--since", options->since,
                 "Start of error rate and table: 7d or a time (default: this month)")
      ->type_name("DURATION|TIME");
  app.add_option("--by", options->by, "How to group the table (default: endpoint)")
      ->type_name("endpoint|day|hour|status");
  app.add_flag("--lineage", options->lineage, "Include the keys it was rotated from");
  app.footer(kExamples);
  return [options](Context& context) { return run(context, *options); };
}

}  // namespace

const Command kUsage{"usage", "Show how keys are used", attach};

}  // namespace nexakey::cli
