#include "store/import_batch.h"

#include <algorithm>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "core/ids_of.h"
#include "store/arrange.h"

namespace nexakey::store {
namespace {

using core::ImportSummary;
using core::Key;
using core::KeyUsage;
using core::Token;

/// For each record, the one in the store with its id or else with its hash.
template <typename T, typename Find>
std::vector<std::optional<T>> find_same(const std::vector<T>& things, const Find& find) {
  const auto ids = core::ids_of(things);
  auto same = arrange(std::span<const decltype(T::id)>(ids), find(ids), &T::id);
  std::vector<core::CredentialHash> hashes;
  for (std::size_t i = 0; i < things.size(); ++i) {
    if (!same[i]) {
      hashes.push_back(things[i].hash);
    }
  }
  if (hashes.empty()) {
    return same;
  }
  auto twins = arrange(std::span<const core::CredentialHash>(hashes), find(hashes), &T::hash);
  auto twin = twins.begin();
  for (auto& thing : same) {
    if (!thing) {
      thing = std::move(*twin++);
    }
  }
  return same;
}

void add_conflict(ImportSummary& summary, const std::string& id, const std::string& known,
                  const std::string& what) {
  summary.add_conflict(id, known == id ? "the store has another " + what + " with this id"
                                       : "the store has this " + what + " as " + known);
}

bool has_tombstone(const Key& key, const std::vector<core::Tombstone>& tombstones) {
  return std::ranges::any_of(tombstones, [&](const core::Tombstone& tombstone) {
    return tombstone.id == key.id || tombstone.hash == key.hash;
  });
}

/// Compares the batches of one kind each.
struct Comparison {
  Tables& tables;
  bool keep_known;
  core::Time now;
  ImportSummary& summary;
  ImportChanges changes{};
  std::map<std::string, core::Policy> policies{};  // of the workspaces of this batch

  void operator()(const std::vector<Token>& tokens) {
    const auto found = find_same(
        tokens, [&](const auto& wanted) { return tables.find_tokens(std::span(wanted)); });
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      if (!found[i]) {
        changes.tokens.push_back(tokens[i]);
      } else if (*found[i] == tokens[i]) {
        ++summary.tokens.unchanged;
      } else {
        add_conflict(summary, tokens[i].id.to_string(), found[i]->id.to_string(), "token");
      }
    }
    summary.tokens.added += changes.tokens.size();
  }

  /// Removes lines of other workspaces, whose quotas an import must not use up.
  void drop_foreign_lines(std::vector<Key>& keys) {
    std::vector<core::KeyId> lines;
    for (const Key& key : keys) {
      if (key.line) {
        lines.push_back(*key.line);
      }
    }
    if (lines.empty()) {
      return;
    }
    const auto firsts = find(tables, lines);
    auto first = firsts.begin();
    for (Key& key : keys) {
      if (key.line && (first++)->value_or(key).workspace != key.workspace) {
        key.line.reset();
      }
    }
  }

  /// Adds the lines of rotations, which records of older versions do not have.
  void add_lines(std::vector<Key>& keys, const std::vector<std::optional<Key>>& known) {
    for (std::size_t i = 0; i < keys.size(); ++i) {
      Key& key = keys[i];
      if (key.line || !key.rotated_from) {
        continue;
      }
      if (known[i]) {
        key.line = known[i]->line;
        continue;
      }
      // In an export, a key follows the one that it was rotated from.
      const auto before = std::ranges::find(
          keys.begin(), keys.begin() + static_cast<std::ptrdiff_t>(i), *key.rotated_from, &Key::id);
      const bool is_here = before != keys.begin() + static_cast<std::ptrdiff_t>(i);
      key.line = is_here ? before->first_of_line() : first_of_line(tables, *key.rotated_from);
    }
  }

  /// Adds a new key, unless a policy does not allow it. A revoked key is history; one that has
  /// expired could be extended.
  void add(const Key& key) {
    if (!key.revoked_at) {
      const auto [policy, is_new] = policies.try_emplace(key.workspace);
      if (is_new) {
        policy->second = tables.find_policy(key.workspace);
      }
      if (const auto allowed = core::check_creation(policy->second, key, now); !allowed) {
        summary.add_conflict(key.id.to_string(), allowed.error().message);
        return;
      }
    }
    changes.keys.push_back(key);
  }

  void operator()(std::vector<Key> keys) {
    auto found =
        find_same(keys, [&](const auto& wanted) { return tables.find_keys(std::span(wanted)); });
    drop_foreign_lines(keys);
    add_lines(keys, found);
    const auto tombstones = tables.find_tombstones(keys);
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const Key& key = keys[i];
      if (has_tombstone(key, tombstones)) {
        summary.add_conflict(key.id.to_string(), "the store has purged this key");
        continue;
      }
      if (!found[i]) {
        add(key);
        continue;
      }
      const core::LastUse last_use = std::exchange(found[i]->last_use, key.last_use);
      const bool is_kept = keep_known && found[i]->hash == key.hash;
      if (!is_kept && *found[i] != key) {
        add_conflict(summary, key.id.to_string(), found[i]->id.to_string(), "key");
      } else if (!is_kept && key.last_use.at > last_use.at) {
        changes.used.push_back(key);
      } else {
        ++summary.keys.unchanged;
      }
    }
    summary.keys.added += changes.keys.size();
    summary.keys.changed += changes.used.size();
  }

  void operator()(const std::vector<KeyUsage>& usage) {
    const auto counted = tables.counts_of(usage);
    for (std::size_t i = 0; i < usage.size(); ++i) {
      if (usage[i].requests <= counted[i]) {
        ++summary.usage.unchanged;
      } else {
        ++(counted[i] == 0 ? summary.usage.added : summary.usage.changed);
        changes.usage.push_back(usage[i]);
      }
    }
  }

  void operator()(const std::vector<core::AuditEntry>& /*entries*/) {}
};

}  // namespace

ImportChanges compare(Tables& tables, const ImportBatch& batch, const AcceptedImport& import,
                      ImportSummary& summary) {
  Comparison comparison{tables, import.keep_known, import.accepted_at, summary};
  std::visit(comparison, batch);
  return std::move(comparison.changes);
}

}  // namespace nexakey::store
