#include "cli/key_options.h"

#include "cli/exit_status.h"
#include "cli/key_view.h"
#include "cli/options.h"
#include "core/rotation.h"
#include "core/text.h"

namespace nexakey::cli {

void KeyOptions::add_to(Arguments& app) {
  add_list_option(app, "--scope", scopes, "What the key may do; repeat or use commas for both")
      ->type_name("read|write");
  add_list_option(app, "--allow-ip", whitelist,
                  "An address or CIDR range that may use it (default: any)")
      ->type_name("IP");
  app.add_option("--expires", expires, "When it expires: 90d, a time or never (default)")
      ->type_name("DURATION|TIME|never");
  limits.add_to(app, " (default: 100)");
  app.add_option("--description", description, "What the key is for")->type_name("TEXT");
  add_list_option(app, "--label", labels, "A label, such as team=crm")->type_name("NAME=VALUE");
}

bool KeyOptions::given() const {
  return !scopes.empty() || !whitelist.empty() || expires || limits.given() ||
         !description.empty() || !labels.empty();
}

core::Key KeyOptions::make_key(const Context& context, const core::Key* like) const {
  core::Key key = like == nullptr ? core::Key() : core::new_key_like(*like, context.now());
  key.created_at = context.now();
  if (like == nullptr || context.settings.workspace) {
    key.workspace = context.settings.workspace_or_default();
  }
  if (!scopes.empty()) {
    key.scopes = value_of(core::Scopes::parse(scopes));
  }
  if (!whitelist.empty()) {
    key.whitelist = value_of(core::Whitelist::parse(whitelist));
  }
  for (auto& [name, value] : value_of(core::parse_labels(labels))) {
    key.labels[name] = value;
  }
  if (!description.empty()) {
    value_of(core::check_description(description));
    key.description = description;
  }
  if (expires) {
    key.expires_at = parse_expiry(*expires, key.created_at, "the key");
  }
  core::KeyChange change;
  limits.set(change);
  key.rate_limit = change.rate_limit.value_or(key.rate_limit);
  value_of(key.limits.apply(change.limits));
  return key;
}

std::vector<std::string> KeyOptions::differences(const core::Key& key,
                                                 const core::Key& wanted) const {
  std::vector<std::string> found;
  const auto compare = [&](bool is_same, const std::string& what, const std::string& has,
                           const std::string& asked) {
    if (!is_same) {
      found.push_back(what + " " + has + " instead of " + asked);
    }
  };
  const auto addresses = [](const core::Key& of) {
    return of.whitelist.empty() ? "any address" : core::join(of.whitelist.entries(), ",");
  };
  if (!scopes.empty()) {
    compare(key.scopes == wanted.scopes, "scopes", core::join(key.scopes.names(), ","),
            core::join(wanted.scopes.names(), ","));
  }
  if (!whitelist.empty()) {
    compare(key.whitelist == wanted.whitelist, "whitelist", addresses(key), addresses(wanted));
  }
  if (expires) {
    compare(is_expiry_as_asked(*expires, key.created_at, key.expires_at, wanted.created_at),
            "expiry", key.expires_at ? core::format_time(*key.expires_at) : "never", *expires);
  }
  if (limits.given()) {
    const auto all = [](const core::Key& of) { return limits_of(of); };
    compare(all(key) == all(wanted), "limits", all(key), all(wanted));
  }
  if (!description.empty()) {
    compare(key.description == wanted.description, "description", core::quote(key.description),
            core::quote(wanted.description));
  }
  for (const auto& [name, value] : wanted.labels) {
    const auto label = key.labels.find(name);
    compare(label != key.labels.end() && label->second == value, "label",
            name + "=" + (label == key.labels.end() ? "" : core::printable(label->second)),
            name + "=" + value);
  }
  return found;
}

}  // namespace nexakey::cli
