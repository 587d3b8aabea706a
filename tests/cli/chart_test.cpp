#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "cli/bars.h"
#include "cli/heat_map.h"
#include "cli/table.h"
#include "cli/time_line.h"
#include "tests/support/keys.h"

namespace nexakey::cli {
namespace {

using core::Counts;
using core::Grouping;
using core::UsageGroup;
using test::at;

std::string drawn(const Cell& cell) { return cell.text + "|" + cell.bad_tail; }

TEST_CASE("a bar has the length of its requests, in eighths, and its errors are at the end") {
  struct Row {
    Counts counts;
    std::string blocks;
    std::string ascii;
  };
  for (const Row& row :
       {Row{{}, "|", "|"}, Row{{.requests = 100}, "██████████|", "==========|"},
        Row{{.requests = 1}, "▏|", "=|"}, Row{{.requests = 55}, "█████▌|", "======|"},
        Row{{.requests = 50}, "█████|", "=====|"},
        Row{{.requests = 100, .denied = 1}, "█████████|▒", "=========|x"},
        Row{{.requests = 100, .denied = 30, .upstream_errors = 20}, "█████|▒▒▒▒▒", "=====|xxxxx"},
        Row{{.requests = 1, .denied = 1}, "|▒", "|x"},
        // A report may begin between a request and its upstream response.
        Row{{.requests = 20, .upstream_errors = 90}, "|▒▒", "|xx"}}) {
    CHECK(drawn(Bars(10, 100, true).bar(row.counts)) == row.blocks);
    CHECK(drawn(Bars(10, 100, false).bar(row.counts)) == row.ascii);
  }
  CHECK(drawn(Bars(10, 0, true).bar({})) == "|");
  const Counts max{.requests = core::kMaxCount, .denied = core::kMaxCount};
  CHECK(drawn(Bars(3, core::kMaxCount, true).bar(max)) == "|▒▒▒");
}

TEST_CASE("a table that is too wide loses columns, then cuts texts, but no numbers") {
  const auto rendered = [](std::size_t width) {
    Table table({{.title = "NAME", .min_width = 6},
                 {.title = "REQUESTS", .right_aligned = true},
                 {.title = "ERRORS", .right_aligned = true, .left_out = 1},
                 {.title = "SINCE", .left_out = 2}});
    table.add({"a long name", "44812", "7", "today"});
    table.fit(width);
    std::string left_out;
    for (const std::string& title : table.left_out()) {
      left_out += title + " ";
    }
    const std::string text = table.render({.width = width});
    return left_out + text.substr(text.find('\n') + 1);
  };
  CHECK(rendered(80) == "a long name     44812       7  today\n");
  CHECK(rendered(36) == "a long name     44812       7  today\n");
  CHECK(rendered(32) == "a long…     44812       7  today\n" + std::string());
  CHECK(rendered(30) == "SINCE a long name     44812       7\n");
  CHECK(rendered(20) == "SINCE ERRORS a long na…     44812\n");
  CHECK(rendered(10) == "SINCE ERRORS a lon…     44812\n");
}

core::UsageReport report(Grouping by, std::string_view since, std::vector<UsageGroup> groups) {
  core::UsageReport report;
  report.by = by;
  report.since = at(since);
  report.groups = std::move(groups);
  return report;
}

std::vector<std::string> lines_of(const core::UsageReport& report, std::string_view now) {
  std::vector<std::string> lines;
  for (const UsageGroup& group : time_line(report, at(now))) {
    lines.push_back(group.name + ": " + std::to_string(group.counts.requests));
  }
  return lines;
}

TEST_CASE("a line of time has the days and hours without requests, and marks parts") {
  using Lines = std::vector<std::string>;
  CHECK(lines_of(report(Grouping::day, "2026-02-26T10:00:00Z",
                        {{"2026-02-26", {.requests = 5}}, {"2026-03-01", {.requests = 7}}}),
                 "2026-03-01T12:00:00Z") ==
        Lines{"2026-02-26 *: 5", "2026-02-27: 0", "2026-02-28: 0", "2026-03-01 *: 7"});
  CHECK(lines_of(report(Grouping::hour, "2026-02-28T22:00:00Z",
                        {{"2026-02-28T23:00:00Z", {.requests = 5}}}),
                 "2026-03-01T00:30:00Z") ==
        Lines{"2026-02-28 22:00: 0", "2026-02-28 23:00: 5", "2026-03-01 00:00 *: 0"});
  // A day that is folded is one line among hours.
  CHECK(
      lines_of(report(Grouping::hour, "2026-02-27T00:00:00Z",
                      {{"2026-02-27", {.requests = 9}}, {"2026-02-28T01:00:00Z", {.requests = 1}}}),
               "2026-02-28T01:30:00Z") ==
      Lines{"2026-02-27: 9", "2026-02-28 00:00: 0", "2026-02-28 01:00 *: 1"});
  CHECK(lines_of(report(Grouping::day, "2099-01-01", {}), "2026-03-01").empty());
}

TEST_CASE("a heat map adds up the hours of the week") {
  const auto week = report(Grouping::hour, "2026-06-01",
                           {{"2026-06-01T00:00:00Z", {.requests = 40}},  // a Monday
                            {"2026-06-08T00:00:00Z", {.requests = 40}},
                            {"2026-06-07T23:00:00Z", {.requests = 20}},
                            {"2026-06-02", {.requests = 1000}}});
  CHECK_FALSE(is_for_heat_map(week, at("2026-06-07T23:59:00Z")));
  CHECK(is_for_heat_map(week, at("2026-06-08")));
  const std::string night = std::string(23, '.');
  CHECK(render_heat_map(week, {.width = 40}) ==
        "UTC  00    06    12    18\n"
        "Mon  #" +
            night +
            "\n"
            "Tue  ." +
            night +
            "\n"
            "Wed  ." +
            night +
            "\n"
            "Thu  ." +
            night +
            "\n"
            "Fri  ." +
            night +
            "\n"
            "Sat  ." +
            night +
            "\n"
            "Sun  " +
            night +
            ":\n"
            "\n"
            ". none  : to 20  + to 40  * to 60  # to 80\n"
            "busiest: Mon 00:00, 80 requests\n");
}

}  // namespace
}  // namespace nexakey::cli
