#include "cli/filter_options.h"

#include <algorithm>
#include <array>

#include "cli/exit_status.h"
#include "cli/options.h"
#include "core/key_filter_fields.h"

namespace nexakey::cli {
namespace {

/// Whether an option is for keys that can be rotated: only active keys are, and once.
std::string own_name(const core::FilterOption& option) { return std::string(option.name); }

/// Empty for an option that a rotation does not have.
std::string name_for_rotation(const core::FilterOption& option) {
  const bool is_of_others =
      option.name == "--status" || option.name == "--superseded" || option.name == "--unconfirmed";
  return is_of_others ? "" : own_name(option);
}

std::string name_beside_properties(const core::FilterOption& option) {
  constexpr std::array<std::string_view, 3> kProperties{"--name", "--scope", "--label"};
  const bool is_taken = std::ranges::find(kProperties, option.name) != kProperties.end();
  return is_taken ? "--with-" + std::string(option.name.substr(2)) : own_name(option);
}

/// Sets a condition of a filter to the value of an option.
void read(const core::KeyFilterField& field, core::KeyFilter& filter, const std::string& value,
          core::Time now) {
  value_of(field.option.read != nullptr ? field.option.read(filter, value, now)
                                        : field.read(filter, value));
}

}  // namespace

void FilterOptions::add(Arguments& app, const core::FilterOption& option, const std::string& name) {
  const std::string help(option.help);
  if (option.value_name.empty()) {
    app.add_flag(name, flags_[option.name], help);
    return;
  }
  auto* const added = option.is_list ? add_list_option(app, name, lists_[option.name], help)
                                     : app.add_option(name, values_[option.name], help);
  added->type_name(std::string(option.value_name));
}

void FilterOptions::add_all(Arguments& app, std::string (*name_of)(const core::FilterOption&)) {
  for (const core::KeyFilterField& field : core::key_filter_fields()) {
    if (const std::string name = name_of(field.option); !name.empty()) {
      add(app, field.option, name);
    }
  }
  add_workspaces_to(app);
}

void FilterOptions::add_to(Arguments& app) { add_all(app, own_name); }

void FilterOptions::add_beside_properties_to(Arguments& app) {
  add_all(app, name_beside_properties);
}

void FilterOptions::add_selection_to(Arguments& app) { add_all(app, name_for_rotation); }

void FilterOptions::add_workspaces_to(Arguments& app) {
  app.add_flag("--all-workspaces", all_workspaces_, "Keys of every workspace");
}

bool FilterOptions::given() const {
  return all_workspaces_ ||
         std::ranges::any_of(flags_, [](const auto& flag) { return flag.second; }) ||
         std::ranges::any_of(values_, [](const auto& value) { return value.second.has_value(); }) ||
         std::ranges::any_of(lists_, [](const auto& list) { return !list.second.empty(); });
}

void FilterOptions::check_alternative(const std::vector<std::string>& keys) const {
  if (keys.empty() == !given()) {
    throw Failure{{core::ErrorCode::usage,
                   keys.empty() ? "no key is given" : "both a key and a filter are given",
                   "name keys, or select them with filter options such as --older-than"}};
  }
}

core::KeyFilter FilterOptions::filter(const Context& context) const {
  core::KeyFilter filter{.status = core::KeyStatus::active};
  if (!all_workspaces_) {
    filter.workspace = context.settings.workspace_or_default();
  } else if (context.settings.workspace) {
    throw Failure{{core::ErrorCode::usage, "--all-workspaces contradicts --workspace",
                   "leave one of them out"}};
  }
  const core::Time now = context.now();
  for (const core::KeyFilterField& field : core::key_filter_fields()) {
    if (const auto value = values_.find(field.option.name);
        value != values_.end() && value->second) {
      read(field, filter, *value->second, now);
    }
    if (const auto list = lists_.find(field.option.name); list != lists_.end()) {
      for (const std::string& value : list->second) {
        read(field, filter, value, now);
      }
    }
    if (const auto flag = flags_.find(field.option.name); flag != flags_.end() && flag->second) {
      read(field, filter, "true", now);
    }
  }
  return filter;
}

}  // namespace nexakey::cli
