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

  /// The name of the value in the help; see cli/options.h.
  Option* type_name(const std::string& name);
  Option* required();
  /// The option cannot be combined with `other`.
  Option* excludes(const Option* other);
  /// Whether an option with several values takes all words up to the next option.
  Option* allow_extra_args(bool allow);
  /// The option takes `min` to `max` values; without a value it is the empty string.
  Option* expected(int min, int max);
  /// The option can be repeated; the last value counts.
  Option* take_last();

 private:
  CLI::Option* option_;
};

/// The options, arguments and subcommands of a command.
///
/// Commands use this class in place of CLI11, whose header takes the compiler several seconds; only
/// the files that work on the parser itself include CLI11.
class Arguments {
 public:
  explicit Arguments(CLI::App* app) : app_(app) {}

  /// Adds an option or argument. `names` is `-s,--long`, `--long`, or NAME for an argument. `value`
  /// receives exactly what was typed and must outlive this object.
  Option* add_option(const std::string& names, std::string& value, const std::string& description);
  Option* add_option(const std::string& names, std::optional<std::string>& value,
                     const std::string& description);
  Option* add_option(const std::string& names, std::vector<std::string>& values,
                     const std::string& description);
  Option* add_flag(const std::string& names, bool& value, const std::string& description);
  Arguments* add_subcommand(const std::string& name, const std::string& summary);

  /// Unknown options are looked up in the parent command.
  void fallthrough();
  /// The command must be called with `count` subcommands.
  void require_subcommand(int count);
  /// Examples below the help, one per line.
  void footer(const std::string& examples);
  /// Whether the command line named this command.
  [[nodiscard]] bool parsed() const;

 private:
  Option* keep(CLI::Option* option);

  CLI::App* app_;
  std::vector<std::unique_ptr<Option>> options_;
  std::vector<std::unique_ptr<Arguments>> commands_;
};

}  // namespace nexakey::cli
