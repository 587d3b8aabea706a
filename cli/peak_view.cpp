#include "cli/peak_view.h"

#include <algorithm>
#include <string>

#include "cli/key_view.h"
#include "cli/print_table.h"
#include "cli/wrap.h"
#include "core/json.h"

namespace nexakey::cli {
namespace {

using core::KeyPeak;

core::Window window_of(const KeyPeak& peak) {
  return static_cast<core::Window>(peak.window_seconds);
}

/// Rounded down, so that 100 % is a window that was full.
std::string percent_of(const KeyPeak& peak) {
  return std::to_string(100 * peak.requests / std::max<std::uint64_t>(peak.limit, 1)) + " %";
}

void print_table_of(Context& context, const core::PeakReport& report) {
  Table table({{.title = "NAME", .min_width = kMinTextWidth},
               {.title = "ID", .left_out = 2},
               {.title = "LIMIT"},
               {.title = "PEAK", .right_aligned = true},
               {.title = "SHARE", .right_aligned = true},
               {.title = "HOURS", .right_aligned = true, .left_out = 3},
               {.title = "HOUR (UTC)", .left_out = 1}});
  for (const KeyPeak& peak : report.peaks) {
    const Style style = peak.requests >= peak.limit ? Style::bad : Style::plain;
    table.add({peak.name, peak.key.to_string(),
               core::words_of({.window = window_of(peak), .requests = peak.limit}),
               std::to_string(peak.requests), Cell(percent_of(peak), style),
               std::to_string(peak.hours), core::name_of_hour(peak.hour)});
  }
  print_table(context, std::move(table));
}

/// What the peaks say about a new limit. `peak`: null if none is recorded.
std::string describe_peak(const core::Limit& limit, const KeyPeak* peak) {
  if (peak == nullptr) {
    return "peak: no hour with requests is recorded for " + core::text_of(limit.window);
  }
  return "peak: in " + std::to_string(peak->hours_above.value_or(0)) + " of " +
         std::to_string(peak->hours) + (peak->hours == 1 ? " hour" : " hours") +
         " with requests, it was above " + core::words_of(limit) + " (highest " +
         std::to_string(peak->requests) + ", in the hour from " + core::name_of_hour(peak->hour) +
         ")";
}

}  // namespace

void print_peaks(Context& context, const core::PeakReport& report) {
  if (context.settings.format == Format::table) {
    if (report.peaks.empty()) {
      print_note("no peaks since " + core::format_time(report.since));
      return;
    }
    print_table_of(context, report);
    if (report.count > report.peaks.size() && !context.settings.quiet) {
      context.out.flush();
      print_note("nexakey: the table ends after " + std::to_string(report.peaks.size()) + " of " +
                 std::to_string(report.count) + " peaks: --top sets how many are shown");
    }
    return;
  }
  if (context.settings.format == Format::json) {
    core::JsonWriter json(context.out.buffer());
    core::write_peaks(json, report);
    context.out.write("\n");
    return;
  }
  for (const KeyPeak& peak : report.peaks) {
    core::JsonWriter json(context.out.buffer());
    core::write_key_peak(json, peak);
    context.out.write("\n");
  }
}

void print_planned_key(Context& context, const core::Key& key,
                       const std::vector<core::Limit>& limits, const std::vector<KeyPeak>& peaks) {
  if (context.settings.format != Format::table) {
    core::JsonWriter json(context.out.buffer());
    json.begin_object().name("key");
    core::write_key(json, key, context.now());
    core::write_key_peaks(json.name("peaks"), peaks);
    json.end_object();
    context.out.write("\n");
    return;
  }
  context.out.write(KeyView(context).fields(key));
  for (const core::Limit& limit : limits) {
    const auto found = std::ranges::find(peaks, seconds_of(limit.window), &KeyPeak::window_seconds);
    context.out.write(wrapped_line(describe_peak(limit, found == peaks.end() ? nullptr : &*found),
                                   context.terminal.width));
  }
}

}  // namespace nexakey::cli
