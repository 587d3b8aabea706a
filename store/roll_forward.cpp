#include <algorithm>
#include <chrono>
#include <iterator>
#include <optional>
#include <set>
#include <thread>
#include <utility>

#include <nlohmann/json.hpp>

#include "core/ids_of.h"
#include "store/accepted_import.h"
#include "store/arrange.h"
#include "store/change.h"
#include "store/import.h"
#include "store/import_batch.h"

namespace nexakey::store {
namespace {

using core::Key;
using core::KeyId;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

/// How long steps follow each other, and the pause then, in which others get the store.
constexpr milliseconds kTimeOfSteps{60};
constexpr milliseconds kPauseOfSteps{4};
constexpr std::size_t kMinStepSize = 25;
/// An import whose last step is older has no process that works on it.
constexpr std::chrono::seconds kIdle{2};
/// The maximum number of parts that one transaction deletes.
constexpr std::uint32_t kPartsAtOnce = 8;

std::vector<std::optional<KeyId>*> references_of(Key& key) {
  return {&key.rotated_from, &key.superseded_by};
}

/// The next step of an import, within its transaction.
class Step {
 public:
  /// `size`: the maximum number of records.
  Step(Tables& tables, AcceptedImport& import, std::size_t size)
      : tables_(tables), import_(import), size_(size) {}

  void run() {
    import_.advanced_at = core::system_time();
    const auto slice =
        read_slice({.count = import_.parts, .read = [&](std::uint32_t part) { return read(part); }},
                   import_.next, import_.cutoff, size_);
    if (!slice) {
      return give_up(slice.error().message);
    }
    if (import_.pass == 1) {
      add(slice->batch);
    } else if (const auto* const keys = std::get_if<std::vector<Key>>(&slice->batch)) {
      add_references(*keys);
    } else if (!std::holds_alternative<std::vector<core::Token>>(slice->batch)) {
      return finish();  // the keys are over
    }
    move_on(slice->next);
  }

 private:
  core::Result<std::string> read(std::uint32_t number) {
    auto part = tables_.find_part(import_.id, number);
    return part ? core::Result<std::string>(*std::move(part)) : core::reject("it is missing");
  }

  void add(const ImportBatch& batch) {
    ImportChanges changes = compare(tables_, batch, import_, import_.summary);
    tables_.insert(changes.tokens);
    hold_open_references_back(changes.keys);
    tables_.insert(changes.keys);
    tables_.set_last_used(changes.used);
    leave_unknown_out(changes.usage);
    tables_.set_counts(changes.usage);
    const auto* const entries = std::get_if<std::vector<core::AuditEntry>>(&batch);
    if (entries != nullptr && import_.takes_log) {
      add_log(*entries);
    }
  }

  /// The last entry has been added when the import was accepted.
  void add_log(std::span<const core::AuditEntry> entries) {
    const auto last = static_cast<std::int64_t>(import_.summary.audit.added);
    if (!entries.empty() && entries.back().number == last) {
      entries = entries.first(entries.size() - 1);
    }
    tables_.append(entries);
  }

  /// Removes references to keys that are not in the store until a later step.
  void hold_open_references_back(std::vector<Key>& keys) {
    std::set<KeyId> known = known_of(keys);
    std::ranges::for_each(keys, [&](const Key& key) { known.insert(key.id); });
    for (Key& key : keys) {
      for (auto* const reference : references_of(key)) {
        if (*reference && !known.contains(**reference)) {
          reference->reset();
          import_.has_open_references = true;
        }
      }
    }
  }

  /// Adds the references that were held back, unless the key has changed.
  void add_references(std::vector<Key> keys) {
    std::erase_if(keys, [](Key& key) {
      return std::ranges::none_of(references_of(key), [](auto* one) { return one->has_value(); });
    });
    if (keys.empty()) {
      return;
    }
    auto found = find(tables_, std::span<const KeyId>(core::ids_of(keys)));
    const std::set<KeyId> known = known_of(keys);
    std::vector<Key> changed;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (!found[i] || found[i]->hash != keys[i].hash || !found[i]->damage.empty()) {
        continue;
      }
      bool is_changed = false;
      const auto mine = references_of(*found[i]);
      const auto wanted = references_of(keys[i]);
      for (std::size_t n = 0; n < mine.size(); ++n) {
        if (!*mine[n] && *wanted[n] && known.contains(**wanted[n])) {
          *mine[n] = *wanted[n];
          is_changed = true;
        }
      }
      if (is_changed) {
        changed.push_back(*found[i]);
      }
    }
    if (!changed.empty()) {
      tables_.update(changed);
    }
  }

  /// The keys to which some keys refer, as far as the store has them.
  std::set<KeyId> known_of(std::vector<Key>& keys) {
    std::vector<KeyId> wanted;
    for (Key& key : keys) {
      for (const auto* const reference : references_of(key)) {
        if (*reference) {
          wanted.push_back(**reference);
        }
      }
    }
    return existing(wanted);
  }

  /// Those of these keys that the store has.
  std::set<KeyId> existing(const std::vector<KeyId>& wanted) {
    if (wanted.empty()) {
      return {};
    }
    const std::vector<KeyId> known = tables_.existing(wanted);
    return {known.begin(), known.end()};
  }

  /// A key that was left out has no usage.
  void leave_unknown_out(std::vector<core::KeyUsage>& usage) {
    std::set<KeyId> ids;
    std::ranges::transform(usage, std::inserter(ids, ids.end()), &core::KeyUsage::key);
    const std::set<KeyId> known = existing({ids.begin(), ids.end()});
    const auto left_out =
        std::erase_if(usage, [&](const core::KeyUsage& row) { return !known.contains(row.key); });
    auto& added = import_.summary.usage.added;
    added -= std::min<std::uint64_t>(added, left_out);
  }

  void move_on(const ImportPlace& next) {
    import_.next = next;
    if (next.part == import_.parts) {
      import_.next = {};
      if (++import_.pass > (import_.has_open_references ? 2U : 1U)) {
        finish();
      }
    }
  }

  /// The parts were checked: this is a store that was tampered with.
  void give_up(const std::string& problem) {
    import_.summary.add_conflict(import_.id.to_string(),
                                 "part " + std::to_string(import_.next.part) + ": " + problem +
                                     "; the rest of the import was left out");
    finish();
  }

  void finish() {
    import_.finished_at = import_.advanced_at;
    if (import_.summary.conflict_count == 0) {
      return;
    }
    nlohmann::json conflicts = nlohmann::json::array();
    for (const core::ImportConflict& conflict : import_.summary.conflicts) {
      conflicts.push_back({{"id", conflict.id}, {"problem", conflict.problem}});
    }
    const nlohmann::json details{{"conflicts", std::move(conflicts)},
                                 {"left_out", import_.summary.conflict_count}};
    Change change(tables_, import_.actor, import_.advanced_at);
    change.log({.action = core::AuditAction::import, .details = details.dump()});
    change.write_log();
  }

  Tables& tables_;
  AcceptedImport& import_;
  std::size_t size_;
};

/// The size of the steps, from how long they take.
class StepSize {
 public:
  explicit StepSize(const StepLimits& limits) : limits_(limits), value_(limits.records) {}

  [[nodiscard]] std::size_t value() const { return value_; }
  void adapt(Clock::duration time_of_step) {
    value_ = time_of_step > limits_.time       ? std::max(value_ / 2, kMinStepSize)
             : time_of_step < limits_.time / 3 ? std::min(value_ * 2, limits_.records)
                                               : value_;
  }

 private:
  StepLimits limits_;
  std::size_t value_;
};

/// The oldest import that is not finished.
std::optional<AcceptedImport> next_import(Tables& tables) {
  for (AcceptedImport& import : tables.accepted_imports()) {
    if (!import.finished_at) {
      return std::move(import);
    }
  }
  return std::nullopt;
}

void run_step(Tables& tables, AcceptedImport& import, std::size_t size) {
  Step(tables, import, size).run();
  tables.update({&import, 1});
}

/// Does a step. Returns the import; nothing if all are finished.
core::Result<std::optional<AcceptedImport>> advance(Engine& engine, StepSize& size) {
  std::optional<AcceptedImport> import;
  Clock::time_point begin;
  return engine
      .write(Purpose::import,
             [&](Tables& tables) {
               static_cast<void>(tables.audit_head());  // locks the store
               begin = Clock::now();
               import = next_import(tables);
               if (!import) {
                 return false;
               }
               run_step(tables, *import, size.value());
               return true;
             })
      .map([&] {
        size.adapt(Clock::now() - begin);
        return std::move(import);
      });
}

core::Result<std::optional<AcceptedImport>> find_next(Engine& engine) {
  std::optional<AcceptedImport> import;
  return engine.read([&](Tables& tables) { import = next_import(tables); }).map([&] {
    return std::move(import);
  });
}

}  // namespace

void delete_parts(Engine& engine, core::ImportId id, std::uint32_t parts) {
  for (std::uint32_t first = 0; first < parts; first += kPartsAtOnce) {
    static_cast<void>(engine.write(Purpose::staging, [&](Tables& tables) {
      tables.delete_parts(id, first, first + kPartsAtOnce);
      return true;
    }));
    std::this_thread::sleep_for(kPauseOfSteps);
  }
}

bool has_unfinished_import(Tables& tables) { return next_import(tables).has_value(); }

void finish_imports(Tables& tables) {
  while (auto import = next_import(tables)) {
    run_step(tables, *import, kMaxAtOnce);
  }
}

core::Result<void> roll_forward(Engine& engine, const std::function<bool()>& is_over) {
  auto next = find_next(engine);
  bool has_usage = true;
  StepSize size(engine.step_limits());
  auto end = Clock::now() + kTimeOfSteps;
  while (next && *next) {
    // The larger of two counts is kept, so the tables must have all of them.
    if (has_usage) {
      if (auto flushed = engine.flush(); !flushed) {
        return flushed;
      }
    }
    next = advance(engine, size);
    if (!next || !*next) {
      break;
    }
    has_usage = (*next)->summary.usage != core::ImportCounts();
    if ((*next)->finished_at) {
      delete_parts(engine, (*next)->id, (*next)->parts);
    }
    if (is_over()) {
      return {};
    }
    if (Clock::now() >= end) {
      std::this_thread::sleep_for(kPauseOfSteps);
      end = Clock::now() + kTimeOfSteps;
    }
  }
  return next ? core::Result<void>() : tl::unexpected(next.error());
}

core::Result<void> roll_idle_forward(Engine& engine, const std::function<bool()>& is_over) {
  const auto next = find_next(engine);
  if (!next) {
    return tl::unexpected(next.error());
  }
  const auto age = *next ? core::system_time() - (*next)->advanced_at : milliseconds(0);
  const bool is_idle = age > kIdle || age < milliseconds(0);
  return *next && is_idle ? roll_forward(engine, is_over) : core::Result<void>();
}

core::Result<void> sweep_imports(Engine& engine, core::Time now) {
  const core::Time before = now - kMaxImportAge;
  bool is_due = false;
  auto read = engine.read([&](Tables& tables) { is_due = !tables.old_parts(before, 1).empty(); });
  while (read && is_due) {
    read = engine.write(Purpose::change, [&](Tables& tables) {
      static_cast<void>(tables.audit_head());  // locks the store: none is accepted now
      const auto parts = tables.old_parts(before, kPartsAtOnce);
      for (const auto& [id, number] : parts) {
        tables.delete_parts(id, number, number + 1);
      }
      is_due = parts.size() == kPartsAtOnce;
      tables.delete_imports_before(before);
      return true;
    });
    std::this_thread::sleep_for(kPauseOfSteps);
  }
  return read;
}

}  // namespace nexakey::store
