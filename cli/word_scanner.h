#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

namespace nexakey::cli {

/// What a word of a command line is, by its place.
enum class WordKind {
  command,    ///< the name of a command
  option,     ///< an option, perhaps with its value in the same word
  value,      ///< the value of the option in front of it
  argument,   ///< anything else
  separator,  ///< the first `--`: only arguments follow
};

struct ScannedWord {
  WordKind kind = WordKind::argument;
  const CLI::Option* option = nullptr;    ///< of an option or value; null: there is no such option
  std::optional<std::size_t> value_at{};  ///< where the value of an option begins in its word
};

/// Goes through the words behind the program's name and says of each what it is, as getopt_long(3)
/// would. It is the only reading of a command line in which every value is left as it was typed:
/// CLI11 on its own takes `[a,b]` for a list, `{}` for an empty one, `--name=` for an option whose
/// value comes next, and a value that is called like a command for that command.
class WordScanner {
 public:
  /// `app` has to outlive this, with all options of the commands that are to be known.
  explicit WordScanner(const CLI::App& app) : command_(&app) {}

  /// Ends the command if an option that takes no value has one, such as `--yes=`.
  ScannedWord next(const std::string& word);

  /// The innermost command so far.
  [[nodiscard]] const CLI::App& command() const { return *command_; }
  /// The option that waits for its value; null: none does.
  [[nodiscard]] const CLI::Option* pending() const { return pending_; }
  /// How many arguments of the command there were.
  [[nodiscard]] std::size_t arguments() const { return arguments_; }
  /// Whether a `--` has come.
  [[nodiscard]] bool only_arguments() const { return only_arguments_; }

 private:
  ScannedWord scan_long(const std::string& word);
  ScannedWord scan_short(const std::string& word);
  ScannedWord found(const CLI::Option& option, std::optional<std::size_t> value_at);

  const CLI::App* command_;
  const CLI::Option* pending_ = nullptr;
  std::size_t arguments_ = 0;
  bool only_arguments_ = false;
};

/// The option of a command or of those above it, by its name with dashes; null: there is none.
const CLI::Option* find_option(const CLI::App& command, const std::string& name);

/// The words for CLI11's parser, with a mark in front of every value and argument that keeps it as
/// it was typed; `unmark` takes the mark off again.
std::vector<std::string> mark_values(const std::vector<std::string>& words, const CLI::App& app);
bool is_marked(const std::string& word);
std::string unmark(const std::string& value);

}  // namespace nexakey::cli
