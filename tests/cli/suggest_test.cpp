#include "cli/suggest.h"

#include <optional>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "cli/command_line.h"
#include "cli/help.h"
#include "cli/other_words.h"

namespace nexakey::cli {
namespace {

struct Row {
  std::string word;
  std::optional<std::string> expected;
};

TEST_CASE("a mistyped command has the similar one as a hint, another word has none") {
  const CommandLine line;
  const auto names = command_names(line.app());
  const std::vector<Row> rows{
      // One difference in a short word, more in a long one.
      {"crate", "create"},
      {"lst", "list"},
      {"sohw", "show"},
      {"veryfi", "verify"},
      {"wihtelsit", "whitelist"},
      {"completions", "completion"},
      // The only command that begins so.
      {"whitel", "whitelist"},
      {"rot", "rotate"},
      {"exp", "export"},
      {"us", "usage"},
      {"re", std::nullopt},
      {"l", std::nullopt},
      // Similar to a command by chance.
      {"man", std::nullopt},
      {"can", "scan"},
      {"or", std::nullopt},
      {"xyz", std::nullopt},
      {"port", std::nullopt},
      {"", std::nullopt},
      {std::string(100, 'x'), std::nullopt},
  };
  for (const Row& row : rows) {
    CAPTURE(row.word);
    CHECK(closest(row.word, names) == row.expected);
  }
}

TEST_CASE("the dashes of an option are not letters") {
  const std::vector<std::string> names{"--help", "--status", "--rate-limit", "--label"};
  CHECK(closest("--stauts", names) == "--status");
  CHECK(closest("--rate", names) == "--rate-limit");
  CHECK(closest("--shell", names) == std::nullopt);
  CHECK(closest("-x", names) == std::nullopt);
  CHECK(closest("--", names) == std::nullopt);
}

TEST_CASE("a word of other tools has the command of the same meaning as a hint") {
  const std::vector<std::string> whitelist{"add", "remove", "list"};
  const std::vector<std::string> token{"create", "list", "revoke"};
  CHECK(command_for("rm", {"revoke"}) == "revoke");
  CHECK(command_for("rm", whitelist) == "remove");
  CHECK(command_for("delete", token) == "revoke");
  CHECK(command_for("show", token) == "list");
  CHECK(command_for("new", token) == "create");
  CHECK(command_for("new", whitelist) == "add");
  CHECK(command_for("suspend", {"edit"}) == "edit KEY --suspend");
  CHECK(command_for("suspend", token) == std::nullopt);
  CHECK(command_for("lst", token) == "list");
}

}  // namespace
}  // namespace nexakey::cli
