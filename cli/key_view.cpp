#include "cli/key_view.h"

#include <algorithm>
#include <iterator>

#include "cli/interruption.h"
#include "cli/json_list.h"
#include "cli/print_table.h"
#include "core/json.h"
#include "core/text.h"

namespace nexakey::cli {
namespace {

constexpr std::size_t kMaxNamed = 10;

/// The texts of the first ten keys, and the number of the others.
std::string join_first(const std::vector<core::Key>& keys,
                       const std::function<std::string(const core::Key& key)>& text_of) {
  std::string text;
  for (std::size_t i = 0; i < std::min(keys.size(), kMaxNamed); ++i) {
    text += (i == 0 ? "" : ", ") + text_of(keys[i]);
  }
  return keys.size() > kMaxNamed
             ? text + " and " + std::to_string(keys.size() - kMaxNamed) + " more"
             : text;
}

/// `100 a minute, 20 in 1s`: the sliding windows of a key, or its quotas.
std::string describe_limits(const core::Key& key, bool quotas) {
  // The minute first: each key has one.
  std::vector<std::string> texts;
  if (!quotas) {
    texts.push_back(core::words_of({.window = core::Window::minute, .requests = key.rate_limit}));
  }
  for (const core::Limit& limit : key.limits.list()) {
    if (is_quota(limit.window) == quotas) {
      texts.push_back(words_of(limit));
    }
  }
  return core::join(texts, ", ");
}

}  // namespace

KeyView::KeyView(const Context& context)
    : in_terminal_(context.terminal.output),
      now_(context.now()),
      style_{.width = context.terminal.width, .color = context.settings.color} {}

std::string KeyView::time(const std::optional<core::Time>& time) const {
  if (!time) {
    return "-";
  }
  return in_terminal_ ? core::relative_time(*time, now_) : core::format_time(*time);
}

std::string KeyView::last_use(const core::LastUse& use) const {
  if (!use.at) {
    return "never";
  }
  return time(use.at) + (use.ip ? " from " + use.ip->to_string() : "");
}

std::string KeyView::brief_time(const std::optional<core::Time>& time) const {
  std::string text = this->time(time);
  const std::size_t unit = text.find(' ', text.find_first_of("0123456789"));
  if (!in_terminal_ || unit == std::string::npos) {
    return text;
  }
  const std::size_t rest = std::min(text.find(' ', unit + 1), text.size());
  return text.substr(0, unit) + text[unit + 1] + text.substr(rest);
}

Cell KeyView::status(const core::Key& key) const {
  const core::KeyStatus status = key.status(now_);
  // Damage that does not decide about the key is only marked.
  const bool is_marked = !key.damage.empty() && status != core::KeyStatus::damaged;
  return {std::string(core::name_of(status)) + (is_marked ? ", damaged" : ""),
          status == core::KeyStatus::active && !is_marked ? Style::good : Style::bad};
}

std::string KeyView::fields(const core::Key& key) const {
  std::vector<std::pair<std::string, Cell>> fields{
      {"id", key.id.to_string()},
      {"name", key.name},
      {"workspace", key.workspace},
      {"key", std::string(core::kApiKeyPrefix) + "…" + key.last_four},
      {"status", status(key)},
      {"scopes", join_scopes(key)},
      {"whitelist", key.whitelist.empty() ? "any address" : key.whitelist.to_text()},
      {"rate limit", describe_limits(key, false)},
  };
  const auto add = [&](const char* name, const std::string& text) {
    if (!text.empty()) {
      fields.emplace_back(name, text);
    }
  };
  add("quota", describe_limits(key, true));
  add("created", time(key.created_at));
  add("expires", key.expires_at ? time(key.expires_at) : "never");
  add("last used", last_use(key.last_use));
  add("description", key.description);
  for (const auto& [name, value] : key.labels) {
    fields.emplace_back("label", name + "=" + value);
  }
  if (key.suspended_at) {
    add("suspended", time(key.suspended_at));
  }
  if (key.revoked_at) {
    add("revoked", time(key.revoked_at));
  }
  if (!key.damage.empty()) {
    add("damage", core::join(key.damage, ", "));
  }
  add("reason", key.revoke_reason);
  add("rotated from", key.rotated_from ? key.rotated_from->to_string() : "");
  add("superseded by", key.superseded_by ? key.superseded_by->to_string() : "");
  add("unconfirmed", key.unconfirmed ? "yes: the rotation that made it did not end" : "");
  return render_fields(fields, style_);
}

std::string describe(const core::Key& key) {
  const std::string id = key.id.to_string();
  return key.name == id ? id : core::printable(key.name) + " (" + id + ")";
}

core::Error about(const core::Key& key, core::Error error) {
  if (error.message.find(key.id.to_string()) == std::string::npos) {
    error.message = describe(key) + ": " + error.message;
  }
  return error;
}

std::string describe(const std::vector<core::Key>& keys) {
  return join_first(keys, [](const core::Key& key) { return describe(key); });
}

std::string describe_states(const std::vector<core::Key>& keys, core::Time now) {
  return join_first(keys, [&](const core::Key& key) {
    return key.id.to_string() + " is " + std::string(name_of(key.status(now)));
  });
}

std::string limits_of(const core::Key& key) {
  return std::to_string(key.rate_limit) + (key.limits.empty() ? "" : " " + key.limits.to_text());
}

std::string join_scopes(const core::Key& key) { return core::join(key.scopes.names(), ","); }

void print_key(Context& context, const core::Key& key) {
  if (context.settings.format == Format::table) {
    context.out.write(context.settings.quiet ? key.id.to_string() + "\n"
                                             : KeyView(context).fields(key));
    return;
  }
  core::JsonWriter json(context.out.buffer());
  json.begin_object().name("key");
  core::write_key(json, key, context.now());
  json.end_object();
  context.out.write("\n");
}

void print_as_variable(Context& context, const core::Secret& key) {
  constexpr std::string_view kName = "NEXAKEY_KEY=";
  std::string line;
  line.reserve(kName.size() + key.reveal().size() + 1);  // a reallocation would leave a copy
  line += kName;
  line += key.reveal();
  line += '\n';
  context.out.write(core::Secret(std::move(line)));
}

void print_key_line(Context& context, const core::Key& key, core::Time now) {
  core::JsonWriter json(context.out.buffer());
  core::write_key(json, key, now);
  context.out.write("\n");
}

void print_changed_keys(
    Context& context, const std::vector<core::Key>& keys, const std::vector<Column>& columns,
    const std::function<std::vector<Cell>(const KeyView& view, const core::Key& key)>& cells) {
  if (context.settings.format != Format::table) {
    print_json_list(context, "keys", keys, [&](core::JsonWriter& json, const core::Key& key) {
      core::write_key(json, key, context.now());
    });
    return;
  }
  if (context.settings.quiet) {
    return;
  }
  if (keys.empty()) {
    print_note("no keys");
    return;
  }
  const KeyView view(context);
  std::vector<Column> all{{"ID"}, {"NAME", false, kMinTextWidth}, {"STATUS"}};
  all.insert(all.end(), columns.begin(), columns.end());
  Table table(std::move(all));
  for (const core::Key& key : keys) {
    std::vector<Cell> row{key.id.to_string(), key.name, view.status(key)};
    std::ranges::move(cells(view, key), std::back_inserter(row));
    table.add(std::move(row));
  }
  print_table(context, std::move(table));
}

void end_interrupted(const std::string& verb, std::size_t done, std::size_t all, int signal) {
  print_note("nexakey: " + verb + "d " + std::to_string(done) + " of " + std::to_string(all) +
             " keys: run the same command again to " + verb + " the rest");
  throw Interrupted{signal};
}

}  // namespace nexakey::cli
