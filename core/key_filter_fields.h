#pragma once

#include <span>
#include <string>
#include <string_view>

#include "core/filter_field.h"
#include "core/key_filter.h"

namespace nexakey::core {

/// A condition as an option of the command line.
struct FilterOption {
  std::string_view name;        ///< such as "--status"; empty: there is none
  std::string_view value_name;  ///< such as "DURATION"; empty: it is a flag, read as "true"
  std::string_view help;
  bool is_list = false;  ///< may be repeated
  /// Like FilterField::read, if the values of the option have another form: a duration is counted
  /// from `now`.
  Result<void> (*read)(KeyFilter&, const std::string& text, Time now) = nullptr;
};

/// A condition of KeyFilter, described once for query strings, the command line and the match.
struct KeyFilterField : FilterField<KeyFilter> {
  bool (*matches)(const KeyFilter&, const Key&, Time now) = nullptr;
  FilterOption option{};
};

/// All of them; options in the order of the help.
std::span<const KeyFilterField> key_filter_fields();

}  // namespace nexakey::core
