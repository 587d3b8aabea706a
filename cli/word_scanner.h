#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

namespace nexakey::cli {

/// The kind of a word of a command line, by its position.
enum class WordKind {
  command,    ///< the name of a command
  option,     ///< an option, possibly with its value in the same word
  value,      ///< the value of the option before it
  argument,   ///< any other word
  separator,  ///< the first `--`, after which all words are arguments
};

struct ScannedWord {
  WordKind kind = WordKind::argument;
  const CLI::Option* option = nullptr;    ///< of an option or value; null if it is unknown
  std::optional<std::size_t> value_at{};  ///< the start of the value in the word of its option
};

/// Classifies the words after the program's name as getopt_long(3) does.
///
/// Values keep exactly what was typed. CLI11 alone parses `[a,b]` as a list, `{}` as an empty list,
/// `--name=` as an option whose value is the next word, and a value that equals the name of a
/// command as that command.
class WordScanner {
 public:
  /// `app` must outlive this object and have the options of the commands to scan.
  explicit WordScanner(const CLI::App& app) : command_(&app) {}

  /// Classifies the next word. Ends the command if a flag has a value, such as `--yes=`.
  ScannedWord next(const std::string& word);

  /// The innermost command so far.
  [[nodiscard]] const CLI::App& command() const { return *command_; }
  /// The option whose value is the next word; null if there is none.
  [[nodiscard]] const CLI::Option* pending() const { return pending_; }
  /// The number of arguments of the command so far.
  [[nodiscard]] std::size_t arguments() const { return arguments_; }
  /// Whether there was a `--`.
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

/// The option of a command or its parents, by its name with dashes; null if there is none.
const CLI::Option* find_option(const CLI::App& command, const std::string& name);

/// The words for CLI11's parser, with a mark before every value and argument, so that CLI11 does
/// not interpret it.
std::vector<std::string> mark_values(const std::vector<std::string>& words, const CLI::App& app);
bool is_marked(const std::string& word);
/// The value without its mark.
std::string unmark(const std::string& value);

}  // namespace nexakey::cli
