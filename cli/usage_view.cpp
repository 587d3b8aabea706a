#include "cli/usage_view.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "cli/bars.h"
#include "cli/heat_map.h"
#include "cli/print_table.h"
#include "cli/time_line.h"
#include "cli/wrap.h"
#include "core/sliding_window.h"
#include "core/text.h"

namespace nexakey::cli {
namespace {

constexpr std::size_t kMinBarWidth = 10;
constexpr std::size_t kMaxBarWidth = 40;
constexpr std::size_t kGapOfBar = 2;
constexpr std::size_t kNotCut = 0;

std::vector<Column> count_columns() {
  return {{.title = "REQUESTS", .right_aligned = true},
          {.title = "ERRORS", .right_aligned = true, .left_out = 1},
          {.title = "DENIED", .right_aligned = true, .left_out = 2},
          {.title = "RATE LIMITED", .right_aligned = true, .left_out = 3},
          {.title = "UPSTREAM ERRORS", .right_aligned = true, .left_out = 4}};
}

void add_counts(std::vector<Cell>& row, const core::Counts& counts) {
  row.emplace_back(std::to_string(counts.requests));
  for (const std::uint64_t count :
       {counts.errors(), counts.denied, counts.rate_limited, counts.upstream_errors}) {
    row.emplace_back(std::to_string(count), count == 0 ? Style::plain : Style::bad);
  }
}

std::vector<std::string> print_periods(Context& context, const core::UsageReport& report) {
  std::vector<Column> columns = count_columns();
  columns.insert(columns.begin(), Column{.title = "PERIOD (UTC)"});
  Table table(std::move(columns));
  const std::array<std::pair<const char*, const core::Counts*>, 3> periods{
      {{"today", &report.today},
       {"this week", &report.this_week},
       {"this month", &report.this_month}}};
  for (const auto& [name, counts] : periods) {
    std::vector<Cell> row{name};
    add_counts(row, *counts);
    table.add(std::move(row));
  }
  return write_table(context, std::move(table));
}

std::string render_rate(const core::UsageReport& report, const Terminal& terminal) {
  std::array<char, 32> percent{};
  std::snprintf(percent.data(), percent.size(), "%.1f %%", 100 * report.error_rate());
  const std::string text = "since " + core::format_time(report.since) + ": error rate " +
                           percent.data() + ", rate-limit hits " +
                           std::to_string(report.total.rate_limited) + "\n";
  const std::size_t break_at = text.find(": ") + 1;
  return terminal.width.value_or(text.size()) < text.size()
             ? text.substr(0, break_at) + "\n " + text.substr(break_at)
             : text;
}

/// How close the key came to its limits, a line for each window.
std::string render_peaks(const core::UsageReport& report, const Terminal& terminal) {
  std::string lines;
  for (const core::Peak& peak : report.peaks) {
    const bool is_minute = peak.window_seconds == core::kWindowSeconds;
    lines += wrapped_line(
        "peak: " + std::to_string(peak.requests) + " of " + std::to_string(peak.limit) +
            " requests in " +
            (is_minute ? "a minute"
                       : core::text_of(static_cast<core::Window>(peak.window_seconds))) +
            ", in the hour from " + core::name_of_hour(peak.hour),
        terminal.width);
  }
  return lines;
}

/// What the number of a group by status counts.
std::string meaning_of(const core::UsageGroup& group) {
  if (!group.name.starts_with("upstream")) {
    return group.counts.denied == 0        ? "admitted"
           : group.counts.rate_limited > 0 ? "denied, rate limited"
                                           : "denied";
  }
  return group.counts.upstream_errors > 0 ? "error of the upstream API"
                                          : "response of the upstream API";
}

/// The table of the groups. Each grouping has columns of its own, then come the counts.
class GroupTable {
 public:
  explicit GroupTable(core::Grouping by) : by_(by), table_(columns()) {}

  void add(const core::UsageGroup& group) {
    std::vector<Cell> row;
    switch (by_) {
      case core::Grouping::key:
        row = {group.key_name.value_or(group.name), group.name};
        break;
      case core::Grouping::status:
        row = {group.name, meaning_of(group), std::to_string(group.counts.requests)};
        break;
      case core::Grouping::reason:
        row = {group.name, std::to_string(group.counts.requests)};
        break;
      default:
        row = {group.name};
    }
    if (has_all_counts()) {
      add_counts(row, group.counts);
    }
    table_.add(std::move(row));
    counts_.push_back(group.counts);
  }

  /// Prints the table; if it has a chart, with bars in the room that it leaves. Returns the titles
  /// of the columns that have no room.
  std::vector<std::string> print(Context& context, bool has_chart) && {
    if (has_chart) {
      add_bars(context);
    }
    auto left_out = write_table(context, std::move(table_));
    if (has_bad_part_) {
      context.out.write(Bars(1, 1, context.terminal.draws_blocks).legend() + "\n");
    }
    return left_out;
  }

 private:
  [[nodiscard]] bool has_all_counts() const {
    return by_ != core::Grouping::status && by_ != core::Grouping::reason;
  }

  [[nodiscard]] std::vector<Column> columns() const {
    if (!has_all_counts()) {
      const Column requests{.title = "REQUESTS", .right_aligned = true};
      const Column name{.title = title_of(core::name_of(by_))};
      return by_ == core::Grouping::reason
                 ? std::vector{name, requests}
                 : std::vector{name, Column{.title = "MEANING", .left_out = 1}, requests};
    }
    std::vector<Column> columns = count_columns();
    if (by_ == core::Grouping::key) {
      columns.insert(columns.begin(), {{.title = "NAME", .min_width = kMinTextWidth},
                                       {.title = "ID", .left_out = columns.size()}});
    } else {
      const bool is_of_time = core::is_of_time(by_);
      columns.insert(columns.begin(),
                     Column{.title = title_of(core::name_of(by_)) + (is_of_time ? " (UTC)" : ""),
                            .min_width = is_of_time ? kNotCut : kMinTextWidth});
    }
    return columns;
  }

  void add_bars(const Context& context) {
    const std::size_t width = context.terminal.width.value_or(0);
    table_.fit(width - std::min(width, kMinBarWidth + kGapOfBar));
    const std::size_t used = std::min(width, table_.width() + kGapOfBar);
    std::uint64_t max = 0;
    for (const core::Counts& counts : counts_) {
      max = std::max(max, counts.requests);
    }
    const Bars bars(std::clamp(width - used, kMinBarWidth, kMaxBarWidth), max,
                    context.terminal.draws_blocks);
    table_.add_column({});
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      table_.row(i).push_back(bars.bar(counts_[i]));
      has_bad_part_ = has_bad_part_ || !table_.row(i).back().bad_tail.empty();
    }
  }

  core::Grouping by_;
  Table table_;
  std::vector<core::Counts> counts_;
  bool has_bad_part_ = false;
};

/// Returns the titles of the columns that have no room.
std::vector<std::string> print_groups(Context& context, const core::UsageReport& report,
                                      const UsageStyle& style) {
  const core::Time now = context.now();
  const bool is_line = style.has_chart && style.is_in_order;
  if (is_line && is_for_heat_map(report, now)) {
    context.out.write(render_heat_map(report, context.terminal));
    return {};
  }
  GroupTable table(report.by);
  for (const core::UsageGroup& group : is_line ? time_line(report, now) : report.groups) {
    table.add(group);
  }
  auto left_out = std::move(table).print(context, style.has_chart);
  if (is_line) {
    context.out.write(kMarkLegend);
  }
  return left_out;
}

}  // namespace

void print_usage(Context& context, const core::UsageReport& report, const UsageStyle& style) {
  std::vector<std::string> left_out = print_periods(context, report);
  context.out.write("\n" + render_rate(report, context.terminal) +
                    render_peaks(report, context.terminal));
  if (!report.groups.empty()) {
    context.out.write("\n");
    for (std::string& title : print_groups(context, report, style)) {
      if (std::ranges::count(left_out, title) == 0) {
        left_out.push_back(std::move(title));
      }
    }
  }
  note_left_out(context, left_out);
}

}  // namespace nexakey::cli
