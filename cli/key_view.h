#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "cli/context.h"
#include "cli/table.h"
#include "core/key.h"

namespace nexakey::cli {

/// Formats keys for tables: relative times and the width of the terminal in a terminal, complete
/// values elsewhere.
class KeyView {
 public:
  explicit KeyView(const Context& context);

  [[nodiscard]] const TableStyle& style() const { return style_; }
  /// A time, or `-` for nothing: `5 minutes ago` in a terminal, RFC 3339 elsewhere.
  [[nodiscard]] std::string time(const std::optional<core::Time>& time) const;
  /// The same, abbreviated in a terminal: `5m ago`.
  [[nodiscard]] std::string brief_time(const std::optional<core::Time>& time) const;
  /// The status of a key at the time of the command.
  [[nodiscard]] Cell status(const core::Key& key) const;
  /// The properties of a key, one per line.
  [[nodiscard]] std::string fields(const core::Key& key) const;

 private:
  /// `5 minutes ago from 192.0.2.7`, or `never`.
  [[nodiscard]] std::string last_use(const core::LastUse& use) const;

  bool in_terminal_;
  core::Time now_;
  TableStyle style_;
};

/// `crm (key_…)`, or only the id for a key without a name.
std::string describe(const core::Key& key);
/// An error whose message says which key it is about.
core::Error about(const core::Key& key, core::Error error);
/// The first ten of several keys, and the number of the others.
std::string describe(const std::vector<core::Key>& keys);
/// The same, each by its id and its status: `key_… is revoked`.
std::string describe_states(const std::vector<core::Key>& keys, core::Time now);

/// The limits of a key: `100 20/1s 1000/day`, the minute first.
std::string limits_of(const core::Key& key);

/// The scopes of a key, separated by commas.
std::string join_scopes(const core::Key& key);

/// Prints a key in the output format of the settings.
void print_key(Context& context, const core::Key& key);

/// Writes a new key as NEXAKEY_KEY=…, a line of a file with variables, and flushes it.
void print_as_variable(Context& context, const core::Secret& key);

/// Writes a key as a line of JSON.
void print_key_line(Context& context, const core::Key& key, core::Time now);

/// Prints the keys of a change of many: {"keys": […]}, one line per key with jsonl, or a table,
/// which has these columns in addition to id, name and status. Prints no table if the output is
/// quiet.
void print_changed_keys(
    Context& context, const std::vector<core::Key>& keys, const std::vector<Column>& columns,
    const std::function<std::vector<Cell>(const KeyView& view, const core::Key& key)>& cells);

/// Reports a change of many keys that a signal interrupted, and ends the command. `verb`: revoke.
[[noreturn]] void end_interrupted(const std::string& verb, std::size_t done, std::size_t all,
                                  int signal);

}  // namespace nexakey::cli
