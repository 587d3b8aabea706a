#include "cli/arguments.h"

#include <CLI/CLI.hpp>

namespace nexakey::cli {

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

Option* Option::expected(int least, int most) {
  option_->expected(least, most);
  return this;
}

Option* Arguments::add_option(const std::string& names, std::string& value,
                              const std::string& description) {
  return keep(app_->add_option(names, value, description));
}

Option* Arguments::add_option(const std::string& names, std::optional<std::string>& value,
                              const std::string& description) {
  return keep(app_->add_option(names, value, description));
}

Option* Arguments::add_option(const std::string& names, std::vector<std::string>& values,
                              const std::string& description) {
  return keep(app_->add_option(names, values, description));
}

Option* Arguments::add_flag(const std::string& names, bool& value, const std::string& description) {
  return keep(app_->add_flag(names, value, description));
}

Arguments* Arguments::add_subcommand(const std::string& name, const std::string& summary) {
  return commands_.emplace_back(std::make_unique<Arguments>(app_->add_subcommand(name, summary)))
      .get();
}

void Arguments::fallthrough() { app_->fallthrough(); }

void Arguments::require_subcommand(int count) { app_->require_subcommand(count); }

void Arguments::footer(const std::string& examples) { app_->footer(examples); }

bool Arguments::parsed() const { return app_->parsed(); }

Option* Arguments::keep(CLI::Option* option) {
  return options_.emplace_back(std::make_unique<Option>(option)).get();
}

}  // namespace nexakey::cli
