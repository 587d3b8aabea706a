#include "store/import.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace nexakey::store {
namespace {

using core::ImportOptions;
using core::ImportSummary;
using core::Key;
using core::KeyUsage;
using core::Result;
using core::Token;

/// How many records the backend is asked about at once.
constexpr std::size_t kBatch = 512;

/// Puts a record behind others of its kind.
template <typename T>
void add(std::vector<ImportBatch>& batches, T record) {
  auto* batch = batches.empty() ? nullptr : std::get_if<std::vector<T>>(&batches.back());
  if (batch == nullptr || batch->size() == kBatch) {
    batch = &std::get<std::vector<T>>(batches.emplace_back(std::vector<T>()));
    batch->reserve(kBatch);
  }
  batch->push_back(std::move(record));
}

/// The rows of a store while an import comes into it.
class Importer {
 public:
  Importer(const ImportOptions& options, ImportRows& rows)
      : options_(options), rows_(rows), takes_log_over_(rows.audit_head().number == 0) {}

  ImportSummary bring_in(const ReadImport& import, const core::Actor& actor, core::Time now) {
    for (const ImportBatch& batch : import.batches) {
      std::visit([&](const auto& records) { apply(records); }, batch);
    }
    const core::AuditHead& head = import.audit_head;
    if (!takes_log_over_) {
      const bool is_known = head.number > 0 && rows_.find_audit_hash(head.number) == head.hash;
      (is_known ? summary_.audit.unchanged : summary_.audit.left_out) = import.counts.audit;
    }
    if (summary_.audit.added == 0 && summary_.has_changes()) {
      const auto entry = core::next_entry(rows_.audit_head(), actor, now,
                                          core::record_import(summary_, head, import.workspace));
      rows_.append({&entry, 1});
    }
    return std::move(summary_);
  }

 private:
  void apply(const std::vector<Token>& tokens) {
    const auto found = rows_.find(tokens);
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
    rows_.insert(added);
    summary_.tokens.added += added.size();
  }

  void apply(const std::vector<Key>& keys) {
    auto found = rows_.find(keys);
    std::vector<Key> added;
    std::vector<Key> used;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const Key& key = keys[i];
      if (!found[i]) {
        added.push_back(key);
        continue;
      }
      const auto last_used_at = std::exchange(found[i]->last_used_at, key.last_used_at);
      const bool is_kept = options_.keep_known && found[i]->hash == key.hash;
      if (!is_kept && *found[i] != key) {
        add_conflict(key.id.to_string(), found[i]->id.to_string(), "key");
      } else if (!is_kept && key.last_used_at > last_used_at) {
        used.push_back(key);
      } else {
        ++summary_.keys.unchanged;
      }
    }
    rows_.insert(added);
    rows_.set_last_used(used);
    summary_.keys.added += added.size();
    summary_.keys.changed += used.size();
  }

  void apply(const std::vector<KeyUsage>& usage) {
    const auto counted = rows_.find(usage);
    std::vector<KeyUsage> larger;
    for (std::size_t i = 0; i < usage.size(); ++i) {
      if (usage[i].requests <= counted[i]) {
        ++summary_.usage.unchanged;
      } else {
        ++(counted[i] == 0 ? summary_.usage.added : summary_.usage.changed);
        larger.push_back(usage[i]);
      }
    }
    // The keys of conflicts may be missing; then nothing of all this stays.
    if (summary_.conflict_count == 0) {
      rows_.set(larger);
    }
  }

  void apply(const std::vector<core::AuditEntry>& entries) {
    if (takes_log_over_) {
      rows_.append(entries);
      summary_.audit.added += entries.size();
    }
  }

  void add_conflict(const std::string& id, const std::string& known, const std::string& what) {
    summary_.add_conflict(id, known == id ? "the store has another " + what + " with this id"
                                          : "the store has this " + what + " as " + known);
  }

  const ImportOptions& options_;
  ImportRows& rows_;
  bool takes_log_over_;  // a store that has no log yet goes on with that of the import
  ImportSummary summary_;
};

}  // namespace

Result<ReadImport> read_import(std::uint32_t parts,
                               const std::function<Result<std::string>(std::uint32_t)>& read_part,
                               const ImportOptions& options) {
  core::ExportReader reader;
  ReadImport import;
  for (std::uint32_t number = 0; number < parts; ++number) {
    const auto part = read_part(number);
    if (!part) {
      return tl::unexpected(part.error());
    }
    std::string_view rest = *part;
    while (!rest.empty()) {
      const std::size_t length = std::min(rest.find('\n'), rest.size());
      auto record = reader.read(rest.substr(0, length));
      if (!record) {
        return tl::unexpected(std::move(record.error()));
      }
      rest.remove_prefix(std::min(length + 1, rest.size()));
      if (!*record) {
        continue;
      }
      if (options.keep_known && !std::holds_alternative<Key>(**record)) {
        return core::reject("an import that keeps what is known has keys alone");
      }
      std::visit([&](auto&& one) { add(import.batches, std::forward<decltype(one)>(one)); },
                 **std::move(record));
    }
  }
  return reader.finish().map([&] {
    import.counts = reader.counts();
    import.audit_head = reader.audit_head();
    import.workspace = reader.workspace();
    return std::move(import);
  });
}

ImportSummary apply_import(const ReadImport& import, const ImportOptions& options, ImportRows& rows,
                           const core::Actor& actor, core::Time now) {
  return Importer(options, rows).bring_in(import, actor, now);
}

}  // namespace nexakey::store
