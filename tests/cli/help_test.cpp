#include "cli/help.h"

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "cli/command_line.h"
#include "cli/topics.h"
#include "cli/wrap.h"
#include "core/text.h"

namespace nexakey::cli {
namespace {

constexpr std::size_t kTerminalWidth = 80;

using Lines = std::vector<std::string>;

void check_width(std::string_view page) {
  for (const std::string_view line : core::split(page, '\n')) {
    CAPTURE(line);
    CHECK(core::display_width(line) <= kTerminalWidth);
  }
}

void check_page(const CLI::App& command) {
  const std::string help = help_of(command);
  CAPTURE(full_name(command));
  check_width(help);
  // The order of the page.
  CHECK(help.starts_with("Usage: " + full_name(command)));
  const std::size_t summary = help.find("\n\n" + command.get_description() + ".\n\nExamples:\n");
  CHECK(summary == help.find('\n'));
  const std::string last = help.substr(help.rfind('\n', help.size() - 2) + 1);
  CHECK(last.find("; manual: man nexakey") != std::string::npos);
  for (const CLI::App* const sub : commands_of(command)) {
    check_page(*sub);
  }
}

TEST_CASE("the help of every command fits 80 columns and has its parts in one order") {
  const CommandLine line;
  check_page(line.app());
}

TEST_CASE("the topics fit 80 columns") {
  for (const Topic& topic : kTopics) {
    CAPTURE(topic.name);
    check_width(topic.text);
  }
}

TEST_CASE("a text is wrapped at its separator") {
  CHECK(wrap("", 10) == Lines{""});
  CHECK(wrap("one two", 7) == Lines{"one two"});
  CHECK(wrap("one two three", 7) == Lines{"one two", "three"});
  CHECK(wrap("one two three", 8) == Lines{"one two", "three"});
  CHECK(wrap("a|b|c", 4, '|') == Lines{"a|b|", "c"});
  CHECK(wrap("extraordinary words", 5) == Lines{"extraordinary", "words"});
  CHECK(wrap("żółw żółw", 9) == Lines{"żółw żółw"});
}

}  // namespace
}  // namespace nexakey::cli
