#include "cli/arguments.h"

#include <algorithm>
#include <functional>
#include <iterator>

#include <CLI/CLI.hpp>

#include "cli/word_scanner.h"

namespace nexakey::cli {
namespace {

/// Adds an option whose values are passed to `take` as they were typed, without CLI11's
/// conversions.
CLI::Option* add(CLI::App& app, const std::string& names, const std::string& description,
                 const std::function<void(std::vector<std::string>)>& take) {
  const auto unmark_all = [take](const CLI::results_t& marked) {
    std::vector<std::string> values;
    std::ranges::transform(marked, std::back_inserter(values), unmark);
    take(std::move(values));
    return true;
  };
  return app.add_option(names, CLI::callback_t(unmark_all), description);
}

}  // namespace

Option* Option::type_name(const std::string& name) {
  option_->type_name(name);
  return this;
}

Option* Option::required() {
  option_->required();
  return this;
}

Option* Option::excludes(const Option* other) {
  option_->excludes(other->option_);
  return this;
}

Option* Option::allow_extra_args(bool allow) {
  option_->allow_extra_args(allow);
  return this;
}

Option* Option::expected(int min, int max) {
  option_->expected(min, max);
  return this;
}

Option* Option::take_last() {
  option_->take_last();
  return this;
}

Option* Arguments::add_option(const std::string& names, std::string& value,
                              const std::string& description) {
  return keep(add(*app_, names, description,
                  [&value](std::vector<std::string> values) { value = std::move(values.back()); }));
}

Option* Arguments::add_option(const std::string& names, std::optional<std::string>& value,
                              const std::string& description) {
  return keep(add(*app_, names, description,
                  [&value](std::vector<std::string> values) { value = std::move(values.back()); }));
}

Option* Arguments::add_option(const std::string& names, std::vector<std::string>& values,
                              const std::string& description) {
  CLI::Option* const option =
      add(*app_, names, description,
          [&values](std::vector<std::string> all) { values = std::move(all); });
  return keep(option->expected(CLI::detail::expected_max_vector_size));
}

Option* Arguments::add_flag(const std::string& names, bool& value, const std::string& description) {
  return keep(app_->add_flag(names, value, description));
}

Arguments* Arguments::add_subcommand(const std::string& name, const std::string& summary) {
  CLI::App* const sub = app_->add_subcommand(name, summary);
  sub->group("Commands");
  return commands_.emplace_back(std::make_unique<Arguments>(sub)).get();
}

void Arguments::fallthrough() { app_->fallthrough(); }

void Arguments::require_subcommand(int count) { app_->require_subcommand(count); }

void Arguments::footer(const std::string& examples) { app_->footer(examples); }

bool Arguments::parsed() const { return app_->parsed(); }

Option* Arguments::keep(CLI::Option* option) {
  return options_.emplace_back(std::make_unique<Option>(option)).get();
}

}  // namespace nexakey::cli
