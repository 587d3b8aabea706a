#include "cli/word_scanner.h"

#include <algorithm>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "cli/command_line.h"
#include "cli/help.h"

namespace nexakey::cli {
namespace {

using Words = std::vector<std::string>;

/// Values that CLI11, a shell or a parser of options can take for something else.
const Words kOddValues{"[a]", "[a,b]", "{}", "%%", "",      "'a'", "a,b", "a b",
                       "=a",  "-",     "--", "-x", "--yes", "-5",  "++",  "list",
                       "add", "\\n",   "@a", "/x", "true",  " ",   "a\n", "--a=b"};

/// All commands without subcommands, by their words.
void collect(const CLI::App& app, Words path, std::vector<Words>& found) {
  const auto commands = commands_of(app);
  for (const CLI::App* const command : commands) {
    Words words = path;
    words.push_back(command->get_name());
    collect(*command, words, found);
  }
  if (commands.empty()) {
    found.push_back(std::move(path));
  }
}

std::vector<Words> all_commands() {
  const CommandLine line;
  std::vector<Words> found;
  collect(line.app(), {}, found);
  return found;
}

const CLI::App& find(const CommandLine& line, const Words& path) {
  const CLI::App* app = &line.app();
  for (const std::string& name : path) {
    app = app->get_subcommand(name);
  }
  return *app;
}

/// The words of a command with everything it requires but `except`.
Words minimal(const Words& path, const CLI::Option& except) {
  const CommandLine line(path.front());
  Words words = path;
  for (const CLI::Option* const option : options_of(find(line, path))) {
    if (option->get_required() && option->get_name() != except.get_name()) {
      words.insert(words.end(), {"--" + option->get_lnames().front(), "x"});
    }
  }
  return words;
}

/// The last value of an option.
std::string parsed(const Words& path, const Words& words, const std::string& name) {
  CommandLine line(path.front());
  line.parse(words);
  const CLI::App& command = find(line, path);
  std::vector<const CLI::Option*> options = options_of(command);
  std::ranges::copy(positionals_of(command), std::back_inserter(options));
  const auto option = std::ranges::find_if(
      options, [&](const CLI::Option* each) { return each->get_name() == name; });
  REQUIRE(option != options.end());
  REQUIRE((*option)->count() > 0);
  CHECK(line.extras().empty());
  return unmark((*option)->results().back());
}

/// A value for each required argument of a command from `index` on.
Words required_arguments(const Words& path, std::size_t index) {
  const CommandLine line(path.front());
  const auto arguments = positionals_of(find(line, path));
  Words words;
  for (std::size_t i = index; i < arguments.size() && arguments[i]->get_required(); ++i) {
    words.emplace_back("x");
  }
  return words;
}

void check_option(const Words& path, const CLI::Option& option) {
  Words base = minimal(path, option);
  std::ranges::copy(required_arguments(path, 0), std::back_inserter(base));
  for (const std::string& value : kOddValues) {
    const std::string name = "--" + option.get_lnames().front();
    CAPTURE(name);
    CAPTURE(value);
    Words words = base;
    words.push_back(name + "=" + value);
    CHECK(parsed(path, words, option.get_name()) == value);
    for (const std::string& letter : option.get_snames()) {
      if (!value.empty()) {
        words.back() = "-" + letter + value;
        CHECK(parsed(path, words, option.get_name()) == value);
      }
    }
    if (option.get_items_expected_min() > 0) {
      words.back() = name;
      words.push_back(value);
      CHECK(parsed(path, words, option.get_name()) == value);
    }
  }
}

void check_argument(const Words& path, std::size_t index) {
  const CommandLine line(path.front());
  const auto arguments = positionals_of(find(line, path));
  Words base = minimal(path, *arguments[index]);
  base.insert(base.end(), index, "x");
  const Words others = required_arguments(path, index + 1);
  for (const std::string& value : kOddValues) {
    CAPTURE(value);
    Words words = base;
    if (!value.starts_with('-') || value == "-") {
      Words plain = words;
      plain.push_back(value);
      plain.insert(plain.end(), others.begin(), others.end());
      CHECK(parsed(path, plain, arguments[index]->get_name()) == value);
    }
    words.insert(words.end(), {"--", value});
    words.insert(words.end(), others.begin(), others.end());
    CHECK(parsed(path, words, arguments[index]->get_name()) == value);
  }
}

TEST_CASE("every value of every command is passed on as it was typed") {
  const auto commands = all_commands();
  REQUIRE(commands.size() > 20);
  for (const Words& path : commands) {
    CAPTURE(path.back());
    const CommandLine line(path.front());
    const CLI::App& command = find(line, path);
    for (const CLI::Option* const option : options_of(command)) {
      if (takes_value(*option)) {
        check_option(path, *option);
      }
    }
    for (std::size_t i = 0; i < positionals_of(command).size(); ++i) {
      check_argument(path, i);
    }
  }
}

TEST_CASE("arguments with several values keep each value") {
  CommandLine line("revoke");
  const Words keys{"[a,b]", "{}", "%%", "", "c,d"};
  Words words{"revoke", "--yes"};
  words.insert(words.end(), keys.begin(), keys.end());
  words.insert(words.end(), {"--", "--yes", "-"});
  line.parse(words);
  Words results = positionals_of(find(line, {"revoke"})).front()->results();
  std::ranges::transform(results, results.begin(), unmark);
  CHECK(results == Words{"[a,b]", "{}", "%%", "", "c,d", "--yes", "-"});
}

TEST_CASE("unexpected words are reported as they were typed") {
  for (const auto& [words, extras] :
       std::vector<std::pair<Words, Words>>{{{"show", "a", "[b]"}, {"=[b]"}},
                                            {{"show", "a", "--", "--b"}, {"=--b"}},
                                            {{"show", "a", "--unknown"}, {"--unknown"}},
                                            {{"whitelist", "ad", "x"}, {"=ad", "=x"}},
                                            {{"show", "a", "-Z"}, {"-Z"}}}) {
    CommandLine line(words.front());
    CHECK_THROWS_AS(line.parse(words), const CLI::ParseError&);
    CHECK(line.extras() == extras);
  }
}

TEST_CASE("options in one word") {
  CommandLine line("list");
  line.parse({"list", "-qyw", "sales", "-ojson"});
  CHECK(line.globals().quiet);
  CHECK(line.globals().yes);
  CHECK(line.globals().workspace == "sales");
  CHECK(line.globals().output == "json");
}

}  // namespace
}  // namespace nexakey::cli
