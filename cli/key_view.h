#pragma once

#include <string>
#include <vector>

#include "cli/context.h"
#include "cli/table.h"
#include "core/key.h"

namespace nexakey::cli {

/// How keys look in tables: times relative and columns shrunk in a terminal, whole elsewhere.
class KeyView {
 public:
  explicit KeyView(const Context& context);

  [[nodiscard]] const TableStyle& style() const { return style_; }
  [[nodiscard]] std::string time(const std::optional<core::Time>& time) const;
  /// The same in as few characters as it takes: `5m ago`.
  [[nodiscard]] std::string brief_time(const std::optional<core::Time>& time) const;
  [[nodiscard]] Cell status(const core::Key& key) const;
  /// All of a key, one fact a line.
  [[nodiscard]] std::string fields(const core::Key& key) const;

 private:
  bool in_terminal_;
  core::Time now_;
  TableStyle style_;
};

/// `crm (key_…)`, or the id alone for a key without a name of its own.
std::string describe(const core::Key& key);
/// The first few of several keys, and how many more there are.
std::string describe(const std::vector<core::Key>& keys);

std::string join_scopes(const core::Key& key);

/// Prints one key in the form that the user wants, as `show` does.
void print_key(Context& context, const core::Key& key);

/// Writes a key as a line of JSON.
void print_key_line(Context& context, const core::Key& key, core::Time now);

/// Writes {"keys": […]}, or a line for each with jsonl.
void print_keys_json(Context& context, const std::vector<core::Key>& keys);

}  // namespace nexakey::cli
