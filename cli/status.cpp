#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "cli/actor.h"
#include "cli/command.h"
#include "cli/key_view.h"
#include "cli/print_error.h"
#include "cli/store_status.h"
#include "cli/token_holder.h"
#include "cli/wrap.h"
#include "core/json.h"
#include "core/text.h"

namespace nexakey::cli {
namespace {

constexpr const char* kExamples =
    "nexakey status\n"
    "nexakey status --store https://keys.example.com -w sales\n"
    "nexakey status -o json | jq -r '.attention[]'";

constexpr std::chrono::days kTokenSoon{30};

/// A number of keys, as it is shown.
struct KeySum {
  std::string_view name;
  std::string_view what;  ///< what follows "2 keys"
  std::string_view see;   ///< the command that shows them
  bool needs_attention = false;
  std::uint64_t (*count)(const core::KeySums&) = nullptr;
};

constexpr std::array kSums{
    KeySum{"active", "", "list", false,
           [](const core::KeySums& sums) { return sums.with_status(core::KeyStatus::active); }},
    KeySum{"expiring", " within 30 days", "list --expires-within 30d", true,
           [](const core::KeySums& sums) { return sums.expiring; }},
    KeySum{"unused", " for 90 days", "list --unused-for 90d", true,
           [](const core::KeySums& sums) { return sums.unused; }},
    KeySum{"damaged", "", "list --status damaged", true,
           [](const core::KeySums& sums) { return sums.with_status(core::KeyStatus::damaged); }},
    KeySum{"rotating", " in the grace of a rotation", "list --superseded", false,
           [](const core::KeySums& sums) { return sums.superseded; }},
    KeySum{"unconfirmed", " of rotations that were not confirmed", "list --unconfirmed", true,
           [](const core::KeySums& sums) { return sums.unconfirmed; }}};

/// A line of the table: what it is about, what was found, and the command that shows more.
struct Line {
  std::string name;
  std::string found;
  std::string command{};
  bool needs_attention = false;
};

std::string text_of(const core::Error& error) {
  const core::Error shown = presentable(error);
  return shown.message + (shown.hint.empty() ? "" : ": " + shown.hint);
}

std::string count_of(std::size_t count, const std::string& one, const std::string& more) {
  return std::to_string(count) + " " + (count == 1 ? one : more);
}

Line store_line(const Context& context, const StoreStatus& status) {
  const Setting& store = context.settings.store;
  Line line{.name = "store", .found = context.store_name() + " (" + store.where() + ")"};
  if (!status.is_open) {
    line.found += ": cannot be opened: " + (status.error ? text_of(*status.error) : "");
    line.command = status.error && status.error->hint.empty() ? "nexakey doctor" : "";
    line.needs_attention = true;
  }
  return line;
}

/// Who a server takes the holder of the token for.
Line token_line(const KeyView& view, const core::Whoami& whoami, core::Time now) {
  return {.name = "you",
          .found = describe_holder(view, whoami),
          // An ID token always expires soon.
          .needs_attention = !whoami.subject && whoami.expires_at &&
                             *whoami.expires_at <= core::add(now, kTokenSoon)};
}

/// Who the audit log of a local store names, and whose file it is.
Line user_line(const StoreStatus& status) {
  const core::Actor& actor = local_actor();
  Line line{.name = "you", .found = actor.name + " at " + actor.source};
  if (status.file_owner) {
    line.found += *status.file_owner == actor.name ? ", the owner of the file"
                                                   : "; the file belongs to " + *status.file_owner;
  }
  return line;
}

void add_caller(std::vector<Line>& lines, const Context& context, const StoreStatus& status) {
  if (status.whoami) {
    lines.push_back(token_line(KeyView(context), *status.whoami, context.now()));
    lines.push_back({.name = "server", .found = "nexakey " + status.whoami->version});
  } else if (status.is_older) {
    lines.push_back({.name = "you", .found = "not known: the server is older"});
  } else if (!status.has_server) {
    lines.push_back(user_line(status));
  }
}

/// The command that shows the keys of a sum, in the workspace of the sum.
std::string command_for(const KeySum& sum, const std::optional<std::string>& workspace) {
  return "nexakey " + std::string(sum.see) +
         (workspace ? " -w " + *workspace : " --all-workspaces");
}

void add_keys(std::vector<Line>& lines, const StoreStatus& status) {
  if (!status.keys) {
    // A token whose role may not read keys is not an error.
    const bool is_fault = status.error && status.error->code != core::ErrorCode::forbidden;
    lines.push_back({.name = "keys",
                     .found = "not known: " + (status.error ? text_of(*status.error) : ""),
                     .needs_attention = is_fault});
    return;
  }
  for (const KeySum& sum : kSums) {
    const std::uint64_t count = sum.count(*status.keys);
    lines.push_back({.name = std::string(sum.name),
                     .found = count_of(count, "key", "keys") + std::string(sum.what),
                     .command = count > 0 ? command_for(sum, status.workspace) : "",
                     .needs_attention = sum.needs_attention && count > 0});
  }
}

std::vector<Line> lines_of(const Context& context, const StoreStatus& status) {
  std::vector<Line> lines{store_line(context, status)};
  add_caller(lines, context, status);
  if (!status.is_open) {
    return lines;
  }
  lines.push_back({.name = "workspace", .found = status.workspace.value_or("all")});
  add_keys(lines, status);
  if (status.unfinished_imports) {
    const std::size_t count = *status.unfinished_imports;
    lines.push_back({.name = "imports",
                     .found = std::to_string(count) + " unfinished",
                     .command = count > 0 ? "nexakey doctor" : "",
                     .needs_attention = count > 0});
  }
  return lines;
}

std::vector<std::string> names_to_attend(const std::vector<Line>& lines) {
  std::vector<std::string> names;
  for (const Line& line : lines) {
    if (line.needs_attention) {
      names.push_back(line.name);
    }
  }
  return names;
}

/// A line, broken at the width of the terminal. The command follows what was found, or is on a line
/// of its own, so that it can be copied.
std::string render(const Line& line, std::size_t indent, const TableStyle& style) {
  const std::size_t room =
      style.width ? std::max<std::size_t>(*style.width, indent + 1) - indent : SIZE_MAX;
  auto parts = wrap(core::printable(line.found + (line.command.empty() ? "" : ":")), room);
  if (!line.command.empty()) {
    const std::string command = core::printable(line.command);
    const bool fits = core::display_width(parts.back()) + 1 + core::display_width(command) <= room;
    fits ? parts.back().append(" ").append(command) : parts.emplace_back(command);
  }
  std::vector<std::pair<std::string, Cell>> fields;
  const Style color = line.needs_attention ? Style::bad : Style::plain;
  for (const std::string& part : parts) {
    fields.emplace_back(fields.empty() ? line.name + std::string(indent - 2 - line.name.size(), ' ')
                                       : std::string(indent - 2, ' '),
                        Cell(part, color));
  }
  return render_fields(fields, style);
}

void print_lines(Context& context, const std::vector<Line>& lines) {
  const TableStyle style = KeyView(context).style();
  constexpr std::size_t kIndent = 13;  // of the widest name, and two spaces
  for (const Line& line : lines) {
    if (!context.settings.quiet || line.needs_attention) {
      context.out.write(render(line, kIndent, style));
    }
  }
  if (!context.settings.quiet) {
    const auto names = names_to_attend(lines);
    context.out.write(render({.name = "attention",
                              .found = names.empty() ? "none needed" : core::join(names, ", "),
                              .needs_attention = !names.empty()},
                             kIndent, style));
  }
}

std::string_view name_of(Origin origin) {
  switch (origin) {
    case Origin::option:
      return "option";
    case Origin::environment:
      return "environment";
    case Origin::user_config:
    case Origin::system_config:
      return "config";
    case Origin::fallback:
      break;
  }
  return "default";
}

void write_text(core::JsonWriter& json, std::string_view name,
                const std::optional<std::string>& text) {
  json.name(name);
  text ? json.string(*text) : json.null();
}

void write_store(core::JsonWriter& json, const Context& context, const StoreStatus& status) {
  const Setting& store = context.settings.store;
  json.name("store").begin_object();
  write_text(json, "place", context.store_name());
  json.name("origin").plain(name_of(store.origin));
  write_text(json, "source", store.source.empty() ? std::nullopt : std::optional(store.source));
  json.name("open").boolean(status.is_open).end_object();
}

void write_caller(core::JsonWriter& json, const StoreStatus& status) {
  json.name("user");
  if (!status.has_server) {
    json.begin_object();
    write_text(json, "name", local_actor().name);
    write_text(json, "host", local_actor().source);
    write_text(json, "file_owner", status.file_owner);
    json.end_object();
  } else {
    json.null();
  }
  json.name("token");
  if (status.whoami) {
    core::write_whoami(json, *status.whoami);
  } else {
    json.null();
  }
}

void write_keys(core::JsonWriter& json, const StoreStatus& status) {
  json.name("keys");
  if (!status.keys) {
    json.null();
    return;
  }
  json.begin_object();
  for (const KeySum& sum : kSums) {
    json.name(sum.name).number(sum.count(*status.keys));
  }
  json.end_object();
}

void print_json(Context& context, const StoreStatus& status, const std::vector<Line>& lines) {
  core::JsonWriter json(context.out.buffer());
  json.begin_object();
  write_store(json, context, status);
  write_caller(json, status);
  write_text(json, "workspace", status.workspace);
  write_keys(json, status);
  json.name("unfinished_imports");
  if (status.unfinished_imports) {
    json.number(*status.unfinished_imports);
  } else {
    json.null();
  }
  json.name("attention").begin_array();
  for (const std::string& name : names_to_attend(lines)) {
    json.plain(name);
  }
  json.end_array();
  if (status.error) {
    core::write_error_member(json, presentable(*status.error));
  } else {
    json.name("error").null();
  }
  json.end_object();
  context.out.write("\n");
}

Runner attach(Arguments& app) {
  app.footer(kExamples);
  return [](Context& context) {
    const StoreStatus status = find_status(context);
    const auto lines = lines_of(context, status);
    if (context.settings.format == Format::table) {
      print_lines(context, lines);
    } else {
      print_json(context, status, lines);
    }
    return ExitStatus::done;
  };
}

}  // namespace

const Command kStatus{"status",
                      "Show the store in use, who you are there, and what needs attention", attach};

}  // namespace nexakey::cli
