#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace CLI {  // NOLINT: it is the name that CLI11 has
class App;
class Option;
}  // namespace CLI

namespace nexakey::cli {

/// An option or an argument of a command. As in CLI11, each call returns the option itself.
class Option {
 public:
  explicit Option(CLI::Option* option) : option_(option) {}

  /// What a value is, see cli/options.h.
  Option* type_name(const std::string& name);
  Option* required();
  /// It can't stand beside `other`.
  Option* excludes(const Option* other);
  /// Whether words behind its value are values of it, too, if it takes several.
  Option* allow_extra_args(bool allow);
  /// From `min` to `max` values; without one it is empty.
  Option* expected(int min, int max);
  /// It may be given several times, and the last one counts.
  Option* take_last();

 private:
  CLI::Option* option_;
};

/// The options, arguments and commands of a command. It is all that commands need of CLI11, whose
/// header takes the compiler several seconds; only the files that work on the parser include it.
class Arguments {
 public:
  explicit Arguments(CLI::App* app) : app_(app) {}

  /// `names` is `-s,--long`, `--long`, or NAME for an argument. The value is what was typed,
  /// exactly. It has to live as long as this.
  Option* add_option(const std::string& names, std::string& value, const std::string& description);
  Option* add_option(const std::string& names, std::optional<std::string>& value,
                     const std::string& description);
  Option* add_option(const std::string& names, std::vector<std::string>& values,
                     const std::string& description);
  Option* add_flag(const std::string& names, bool& value, const std::string& description);
  Arguments* add_subcommand(const std::string& name, const std::string& summary);

  /// Options that it does not know are those of the command above it.
  void fallthrough();
  /// It is called with so many of its commands.
  void require_subcommand(int count);
  /// Examples, a line for each, below the help.
  void footer(const std::string& examples);
  /// Whether it was called.
  [[nodiscard]] bool parsed() const;

 private:
  Option* keep(CLI::Option* option);

  CLI::App* app_;
  std::vector<std::unique_ptr<Option>> options_;
  std::vector<std::unique_ptr<Arguments>> commands_;
};

}  // namespace nexakey::cli
