#include "cli/key_argument.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <span>
#include <utility>

#include "cli/exit_status.h"
#include "cli/key_view.h"
#include "cli/near_misses.h"
#include "core/text.h"

namespace nexakey::cli {
namespace {

using core::ErrorCode;
using core::Key;
using core::KeyFilter;

/// Whether a name no longer refers to the key.
bool is_over(const Key& key, core::Time now) {
  const core::KeyStatus status = key.status(now);
  return status == core::KeyStatus::revoked || status == core::KeyStatus::expired;
}

core::KeyHash read_hash(const Context& context) {
  const core::Secret secret = read_secret(context.terminal, "Key: ");
  if (!core::is_api_key(secret.reveal())) {
    throw Failure{{ErrorCode::usage, "standard input is not a key",
                   "a key is fc_live_ and 28 letters and digits"}};
  }
  return core::hash_api_key(secret.reveal());
}

/// The filter for the beginning of an id, or for a name.
KeyFilter filter_for(const Context& context, const std::string& argument) {
  if (argument.starts_with(core::KeyId::kPrefix)) {
    const auto ids = core::KeyIdRange::parse(argument);
    if (!ids) {
      throw Failure{{ErrorCode::usage, core::quote(argument) + " is not a key id",
                     "use key_ and 12 characters, or at least the first 4 of them"}};
    }
    return {.workspace = context.settings.workspace, .ids = ids};
  }
  value_of(core::check_name(argument));
  return {.workspace = context.settings.workspace_or_default(),
          .name = argument,
          .newest_of_line = true};
}

/// Of the keys of a name, those that it refers to. If all have ended, that is the newest, which is
/// the first, or none.
std::vector<Key> choose_namesakes(const Context& context, const std::vector<Key>& keys,
                                  Namesakes namesakes) {
  const core::Time now = context.now();
  std::vector<Key> live;
  std::ranges::copy_if(keys, std::back_inserter(live),
                       [&](const Key& key) { return !is_over(key, now); });
  if (!live.empty() || keys.empty() || namesakes == Namesakes::live) {
    return live;
  }
  const Key& newest = keys.front();
  if (namesakes == Namesakes::or_revoked) {
    const bool are_revoked = std::ranges::all_of(
        keys, [&](const Key& key) { return key.status(now) == core::KeyStatus::revoked; });
    return are_revoked ? std::vector<Key>{newest} : live;
  }
  if (!context.settings.quiet) {
    print_note("nexakey: no live key has the name " + core::printable(newest.name) + ": " +
               newest.id.to_string() + ", the newest that had it, is " +
               std::string(name_of(newest.status(now))));
  }
  return {newest};
}

std::string in_workspace(const std::optional<std::string>& workspace) {
  return workspace ? " in workspace " + *workspace : "";
}

[[noreturn]] void fail_not_found(const std::optional<std::string>& workspace,
                                 const std::string& argument, const std::string& hint) {
  const std::string what = argument == "-" ? "no such key" : "no key " + core::quote(argument);
  throw Failure{{ErrorCode::not_found, what + in_workspace(workspace), hint}};
}

/// Ends the command: a filter has not found the key of an argument.
[[noreturn]] void fail_not_found(const Context& context, store::KeyStore& store,
                                 const KeyFilter& filter, const std::string& argument) {
  fail_not_found(filter.workspace, argument,
                 filter.name ? hint_for_name(context, store, *filter.workspace, argument) : "");
}

/// Ends the command: all keys of a name have ended.
[[noreturn]] void fail_ended(const Context& context, const KeyFilter& filter,
                             const std::string& argument, const std::vector<Key>& keys) {
  throw Failure{{ErrorCode::not_found,
                 "no live key " + core::quote(argument) + in_workspace(filter.workspace) + ": " +
                     describe_states(keys, context.now()),
                 "name one by its id"}};
}

[[noreturn]] void fail_ambiguous(const std::string& argument, const std::vector<Key>& keys) {
  throw Failure{{ErrorCode::ambiguous,
                 core::quote(argument) + " matches " + std::to_string(keys.size()) +
                     " keys: " + describe(keys),
                 "name one by its id"}};
}

/// A key that a look-up has found, if it exists and is in the given workspace.
Key checked(const Context& context, store::KeyStore& store, std::optional<Key> found,
            const std::string& argument) {
  const auto& workspace = context.settings.workspace;
  const auto id = core::KeyId::parse(argument);
  if (const auto purged = id && !found ? purged_at(store, *id) : std::nullopt) {
    throw Failure{{ErrorCode::not_found, argument + " was purged on " + core::format_time(*purged),
                   "see nexakey audit " + argument}};
  }
  if (!found || (workspace && found->workspace != *workspace)) {
    fail_not_found(workspace, argument,
                   found && id ? "it is in workspace " + found->workspace : "");
  }
  return *std::move(found);
}

}  // namespace

std::vector<Key> select_keys(const Context& context, store::KeyStore& store,
                             const KeyFilter& filter) {
  std::vector<Key> keys;
  value_of(store.list(filter, {}, context.now(), [&](const Key& key) {
    keys.push_back(key);
    return true;
  }));
  return keys;
}

std::vector<Key> select_or_note(const Context& context, store::KeyStore& store,
                                const KeyFilter& filter) {
  auto keys = select_keys(context, store, filter);
  if (keys.empty()) {
    note_near_miss(context, store, filter);
  }
  return keys;
}

std::optional<Key> find_key(store::KeyStore& store, core::KeyId id) {
  return std::move(value_of(store.find(std::span(&id, 1))).front());
}

std::optional<Key> find_key(store::KeyStore& store, const core::KeyHash& hash) {
  return std::move(value_of(store.find(std::span(&hash, 1))).front());
}

std::vector<Key> find_keys_ever(const Context& context, store::KeyStore& store,
                                const std::string& argument) {
  if (argument == "-" || core::KeyId::parse(argument)) {
    return {find_key(context, store, argument)};
  }
  KeyFilter filter = filter_for(context, argument);
  filter.newest_of_line = false;
  auto keys = select_keys(context, store, filter);
  if (keys.empty()) {
    fail_not_found(context, store, filter, argument);
  }
  if (!filter.name && keys.size() > 1) {
    fail_ambiguous(argument, keys);
  }
  return keys;
}

Key find_key(const Context& context, store::KeyStore& store, const std::string& argument,
             Namesakes namesakes) {
  if (argument == "-") {
    return checked(context, store, find_key(store, read_hash(context)), argument);
  }
  if (const auto id = core::KeyId::parse(argument)) {
    return checked(context, store, find_key(store, *id), argument);
  }
  const KeyFilter filter = filter_for(context, argument);
  const auto found = select_keys(context, store, filter);
  if (found.empty()) {
    fail_not_found(context, store, filter, argument);
  }
  auto keys = filter.name ? choose_namesakes(context, found, namesakes) : found;
  if (keys.empty()) {
    fail_ended(context, filter, argument, found);
  }
  if (keys.size() > 1) {
    fail_ambiguous(argument, keys);
  }
  return std::move(keys.front());
}

std::optional<core::Time> purged_at(store::KeyStore& store, core::KeyId id) {
  std::optional<core::Time> at;
  const auto read = store.audit({.subjects = {id.to_string()}, .action = core::AuditAction::purge},
                                1, [&](const core::AuditEntry& entry) {
                                  at = entry.at;
                                  return false;
                                });
  return read ? at : std::nullopt;
}

Key changed_key(core::Result<std::optional<Key>> updated, core::KeyId id) {
  auto key = value_of(std::move(updated));
  if (!key) {
    throw Failure{{ErrorCode::not_found, "no key " + id.to_string(), ""}};
  }
  return *std::move(key);
}

std::vector<Key> find_keys(const Context& context, store::KeyStore& store,
                           const std::vector<std::string>& arguments, Namesakes namesakes) {
  std::vector<core::KeyId> ids;
  for (const std::string& argument : arguments) {
    if (const auto id = core::KeyId::parse(argument)) {
      ids.push_back(*id);
    }
  }
  // Whole ids, of which there may be thousands, are looked up together.
  auto found = ids.empty() ? std::vector<std::optional<Key>>() : value_of(store.find(ids));
  auto next = found.begin();
  std::vector<Key> keys;
  std::set<core::KeyId> known;
  for (const std::string& argument : arguments) {
    Key key = core::KeyId::parse(argument) ? checked(context, store, std::move(*next++), argument)
                                           : find_key(context, store, argument, namesakes);
    if (known.insert(key.id).second) {
      keys.push_back(std::move(key));
    }
  }
  return keys;
}

}  // namespace nexakey::cli
