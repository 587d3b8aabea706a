#include "store/import.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "store/arrange.h"
#include "store/change.h"
#include "store/read_import.h"

namespace nexakey::store {
namespace {

using core::ImportOptions;
using core::ImportSummary;
using core::Key;
using core::KeyUsage;
using core::Token;

/// Merges the records of an import into the tables.
class Importer {
 public:
  Importer(const ImportOptions& options, Change& change)
      : options_(options),
        change_(change),
        tables_(change.tables),
        takes_log_over_(change.head().number == 0) {}

  ImportSummary merge(const ReadImport& import) {
    for (const ImportBatch& batch : import.batches) {
      std::visit([&](const auto& records) { apply(records); }, batch);
    }
    const core::AuditHead& head = import.audit_head;
    if (!takes_log_over_) {
      const bool is_known = head.number > 0 && has_entry(head);
      (is_known ? summary_.audit.unchanged : summary_.audit.left_out) = import.counts.audit;
    }
    if (summary_.audit.added == 0 && summary_.has_changes()) {
      change_.log(core::record_import(summary_, head, import.workspace));
    }
    return std::move(summary_);
  }

 private:
  /// For each record, the one in the store with its id or else with its hash.
  template <typename T, typename Find>
  static std::vector<std::optional<T>> find_same(const std::vector<T>& things, const Find& find) {
    std::vector<decltype(T::id)> ids;
    std::ranges::transform(things, std::back_inserter(ids), &T::id);
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

  /// Whether the log of the store has exactly this entry.
  bool has_entry(const core::AuditHead& head) {
    bool is_there = false;
    tables_.scan_audit({.after = head.number - 1}, [&](const core::AuditEntry& entry) {
      is_there = entry.number == head.number && entry.hash == head.hash;
      return false;
    });
    return is_there;
  }

  void apply(const std::vector<Token>& tokens) {
    const auto found = find_same(
        tokens, [&](const auto& wanted) { return tables_.find_tokens(std::span(wanted)); });
    std::vector<Token> added;
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      if (!found[i]) {
        added.push_back(tokens[i]);
      } else if (*found[i] == tokens[i]) {
        ++summary_.tokens.unchanged;
      } else {
        add_conflict(tokens[i].id.to_string(), found[i]->id.to_string(), "token");
      }
    }
    tables_.insert(added);
    summary_.tokens.added += added.size();
  }

  void apply(const std::vector<Key>& keys) {
    auto found =
        find_same(keys, [&](const auto& wanted) { return tables_.find_keys(std::span(wanted)); });
    std::vector<Key> added;
    std::vector<Key> used;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const Key& key = keys[i];
      if (!found[i]) {
        added.push_back(key);
        continue;
      }
      const core::LastUse last_use = std::exchange(found[i]->last_use, key.last_use);
      const bool is_kept = options_.keep_known && found[i]->hash == key.hash;
      if (!is_kept && *found[i] != key) {
        add_conflict(key.id.to_string(), found[i]->id.to_string(), "key");
      } else if (!is_kept && key.last_use.at > last_use.at) {
        used.push_back(key);
      } else {
        ++summary_.keys.unchanged;
      }
    }
    tables_.insert(added);
    tables_.set_last_used(used);
    summary_.keys.added += added.size();
    summary_.keys.changed += used.size();
  }

  void apply(const std::vector<KeyUsage>& usage) {
    const auto counted = tables_.counts_of(usage);
    std::vector<KeyUsage> larger;
    for (std::size_t i = 0; i < usage.size(); ++i) {
      if (usage[i].requests <= counted[i]) {
        ++summary_.usage.unchanged;
      } else {
        ++(counted[i] == 0 ? summary_.usage.added : summary_.usage.changed);
        larger.push_back(usage[i]);
      }
    }
    // After a conflict, a key may be missing, and the import is rolled back.
    if (summary_.conflict_count == 0) {
      tables_.set_counts(larger);
    }
  }

  void apply(const std::vector<core::AuditEntry>& entries) {
    if (takes_log_over_) {
      tables_.append(entries);
      summary_.audit.added += entries.size();
    }
  }

  void add_conflict(const std::string& id, const std::string& known, const std::string& what) {
    summary_.add_conflict(id, known == id ? "the store has another " + what + " with this id"
                                          : "the store has this " + what + " as " + known);
  }

  const ImportOptions& options_;
  Change& change_;
  Tables& tables_;
  bool takes_log_over_;  // a store without a log continues that of the import
  ImportSummary summary_;
};

Result<std::string> read_part(Engine& engine, core::ImportId id, std::uint32_t number) {
  std::optional<std::string> part;
  if (const auto read = engine.read([&](Tables& tables) { part = tables.find_part(id, number); });
      !read) {
    return tl::unexpected(read.error());
  }
  if (!part) {
    return core::fail(core::ErrorCode::not_found, "a part of the import is missing",
                      "import it again");
  }
  return *std::move(part);
}

/// Counts before this time are compared by the day: the store has folded some of them, or will.
Result<core::Time> end_of_days(Engine& engine, std::chrono::hours kept, core::Time now) {
  std::optional<core::Time> folded;
  if (const auto read = engine.read([&](Tables& tables) { folded = tables.last_folded_day(); });
      !read) {
    return tl::unexpected(read.error());
  }
  const core::Time cutoff = core::start_of_hours(now, kept);
  return folded ? std::max(cutoff, *folded + std::chrono::days(1)) : cutoff;
}

/// Whether to commit the import. Otherwise the summary says what it would have done.
bool is_to_be_committed(const ImportSummary& summary, const ImportOptions& options) {
  return summary.conflict_count == 0 && !options.dry_run;
}

Result<ImportSummary> apply(Engine& engine, const ReadImport& import, const ImportOptions& options,
                            const core::Actor& actor, core::Time now) {
  // The larger of two counts is kept, so the tables must have all of them.
  if (const auto flushed = engine.flush(); !flushed) {
    return tl::unexpected(flushed.error());
  }
  ImportSummary summary;
  return engine
      .write(Purpose::import,
             [&](Tables& tables) {
               Change change(tables, actor, now);
               summary = Importer(options, change).merge(import);
               change.write_log();
               return is_to_be_committed(summary, options);
             })
      .map([&] { return std::move(summary); });
}

}  // namespace

Result<ImportSummary> commit_import(Engine& engine, core::ImportId id, std::uint32_t parts,
                                    const ImportOptions& options, std::chrono::hours kept,
                                    const core::Actor& actor, core::Time now) {
  const auto part = [&](std::uint32_t number) { return read_part(engine, id, number); };
  auto summary =
      end_of_days(engine, kept, now)
          .and_then([&](core::Time cutoff) { return read_import(parts, part, options, cutoff); })
          .and_then(
              [&](const ReadImport& import) { return apply(engine, import, options, actor, now); });
  // In any case. If this fails, the parts are deleted when they are too old.
  static_cast<void>(engine.write(Purpose::change, [&](Tables& tables) {
    tables.delete_parts(id);
    return true;
  }));
  return summary;
}

}  // namespace nexakey::store
