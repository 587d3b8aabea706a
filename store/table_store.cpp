#include "store/table_store.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "store/arrange.h"
#include "store/bulk.h"
#include "store/export.h"
#include "store/import.h"
#include "store/key_rules.h"
#include "store/named_by_id.h"
#include "store/paging.h"
#include "store/peaks.h"
#include "store/policy_rules.h"
#include "store/purge_rules.h"
#include "store/token_rules.h"

namespace nexakey::store {
namespace {

using core::Key;
using core::KeyId;
using core::Time;
using core::Token;

/// How many keys a transaction revokes at most if it has the time. They are in memory.
constexpr std::size_t kMaxRevokedAtOnce = 4000;

/// Returns what `work` reads from the tables.
template <typename Work>
auto read(Engine& engine, const Work& work) {
  std::optional<std::invoke_result_t<Work, Tables&>> value;
  return engine.read([&](Tables& tables) { value.emplace(work(tables)); }).map([&] {
    return *std::move(value);
  });
}

/// Runs `work`, which returns a Result, in a write transaction, and writes the log. Commits if the
/// result has a value, else rolls back.
template <typename Work>
auto change_tables(Engine& engine, Purpose purpose, const core::Actor& actor, Time now,
                   const Work& work) -> std::invoke_result_t<Work, Change&> {
  std::optional<std::invoke_result_t<Work, Change&>> result;
  const auto written = engine.write(purpose, [&](Tables& tables) {
    Change change(tables, actor, now);
    result.emplace(work(change));
    if (!*result) {
      return false;
    }
    change.write_log();
    return true;
  });
  if (!written) {
    return tl::unexpected(written.error());
  }
  return *std::move(result);
}

/// A page of a list: passes on what matches, up to a limit.
template <typename Cursor>
class Pager {
 public:
  /// `start`: the cursor of an empty page.
  Pager(std::size_t limit, std::optional<Cursor> start) : limit_(limit), last_(start) {}

  /// Passes a match on to `visit`. False: the page ends here.
  template <typename T, typename Visit>
  bool pass(const T& thing, Cursor cursor, const Visit& visit) {
    if (count_ == limit_) {
      next_ = last_;
      return false;
    }
    ++count_;
    last_ = cursor;
    return visit(thing);
  }
  /// The cursor of the next page, if there is more.
  [[nodiscard]] const std::optional<Cursor>& next() const { return next_; }

 private:
  std::size_t limit_;
  std::size_t count_ = 0;
  std::optional<Cursor> last_;
  std::optional<Cursor> next_;
};

/// Sets the limit of each peak to what the key's window of that length may have. Removes those of
/// windows that the key no longer has.
void set_limits(Tables& tables, const std::optional<KeyId>& id, std::vector<core::Peak>& peaks) {
  if (peaks.empty()) {
    return;
  }
  const auto key = find_one(tables, *id);
  for (core::Peak& peak : peaks) {
    peak.limit = key ? core::limit_of(*key, peak.window_seconds) : 0;
  }
  std::erase_if(peaks, [](const core::Peak& peak) { return peak.limit == 0; });
}

/// Adds the names of the keys to the groups of a report by key.
void add_key_names(Tables& tables, std::vector<core::UsageGroup>& groups) {
  for (std::size_t first = 0; first < groups.size(); first += kMaxAtOnce) {
    const std::span some =
        std::span(groups).subspan(first).first(std::min(kMaxAtOnce, groups.size() - first));
    std::vector<core::KeyId> ids;
    for (const core::UsageGroup& group : some) {
      ids.push_back(core::KeyId::parse(group.name).value_or(core::KeyId()));
    }
    const auto keys = find(tables, ids);
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (keys[i]) {
        some[i].key_name = keys[i]->name;
      }
    }
  }
}

}  // namespace

template <typename Work>
auto TableStore::change(Purpose purpose, Time now, const Work& work)
    -> std::invoke_result_t<Work, Change&> {
  if (auto checked = check_for(RevocationKeeper::Use::change); !checked) {
    return tl::unexpected(std::move(checked.error()));
  }
  return change_tables(*engine_, purpose, actor(), now, work);
}

template <typename Work>
auto TableStore::change_logged(Purpose purpose, Time now, const Work& work)
    -> std::invoke_result_t<Work, Change&> {
  auto changed = change(purpose, now, work);
  if (changed) {
    if (auto written = write_revocation_log(); !written) {
      return tl::unexpected(std::move(written.error()));
    }
  }
  return changed;
}

Result<Key> TableStore::create(const Key& key, CreateMode mode, Time now) {
  return change(Purpose::change, now,
                [&](Change& change) { return rules::create(change, key, mode); });
}

Result<std::optional<Key>> TableStore::update(KeyId id, const core::KeyChange& key_change,
                                              Time now) {
  return change_logged(Purpose::revocation, now,
                       [&](Change& change) { return rules::update(change, id, key_change); });
}

Result<std::optional<core::Rotated>> TableStore::rotate(KeyId id, const core::Rotation& rotation,
                                                        Time now) {
  return change_logged(Purpose::change, now,
                       [&](Change& change) { return rules::rotate(change, id, rotation); });
}

Result<void> TableStore::revoke(std::span<const KeyId> ids, const std::string& reason, Time now,
                                const std::function<bool(std::span<const Key>)>& visit) {
  const auto find_existing = [&](std::span<const KeyId> some) {
    return read(*engine_, [&](Tables& tables) { return tables.existing(some); });
  };
  // If the log cannot be written, the rest is revoked all the same.
  Result<void> logged;
  const auto revoke_some = [&](std::span<const KeyId> some, const std::function<bool()>& is_over) {
    auto revoked = change(Purpose::revocation, now, [&](Change& change) {
      return rules::revoke(change, some, reason, is_over);
    });
    if (revoked && logged) {
      logged = write_revocation_log();
    }
    return revoked;
  };
  return revoke_in_bulk(ids, kMaxRevokedAtOnce, find_existing, revoke_some, visit).and_then([&] {
    return logged;
  });
}

Result<PurgeStep> TableStore::purge_step(std::span<const KeyId> ids,
                                         const core::PurgeOptions& options, Time now) {
  // Until an import is rolled forward, its keys may not say which ones they were rotated from.
  if (const auto rolled = roll_forward(*engine_); !rolled) {
    return tl::unexpected(rolled.error());
  }
  if (!options.dry_run) {
    return change(Purpose::change, now, [&](Change& change) {
      return Result<PurgeStep>(
          has_unfinished_import(change.tables) ? PurgeStep() : rules::purge(change, ids, options));
    });
  }
  PurgeStep found;
  return engine_
      ->view([&](Tables& tables) { found = rules::find_purgeable(tables, ids, options, now); })
      .map([&] { return std::move(found); });
}

Result<core::Policy> TableStore::set_policy(const core::Policy& policy, Time now) {
  return change(Purpose::change, now,
                [&](Change& change) { return rules::set_policy(change, policy); });
}

Result<Token> TableStore::create_token(const Token& token) {
  return change(Purpose::change, core::system_time(),
                [&](Change& change) { return rules::create(change, token); });
}

Result<std::vector<Token>> TableStore::revoke_tokens(std::span<const core::TokenId> ids, Time now) {
  return change_logged(Purpose::revocation, now,
                       [&](Change& change) { return rules::revoke(change, ids); });
}

Result<void> TableStore::stage_import(core::ImportId id, std::uint32_t number,
                                      std::string_view lines, Time now) {
  if (auto checked = core::check_import_part(number, lines).and_then([&] {
        return check_for(RevocationKeeper::Use::change);
      });
      !checked) {
    return checked;
  }
  if (number == 0) {
    static_cast<void>(sweep_imports(*engine_, now));
  }
  return engine_->write(Purpose::staging, [&](Tables& tables) {
    tables.put_part(id, number, lines, now);
    return true;
  });
}

Result<core::ImportSummary> TableStore::commit_import(core::ImportId id, std::uint32_t parts,
                                                      const core::ImportOptions& options,
                                                      Time now) {
  return check_for(RevocationKeeper::Use::change).and_then([&] {
    return store::commit_import(*engine_, id, parts, options, kept_, actor(), now);
  });
}

Result<std::optional<KeyId>> TableStore::list(const core::KeyFilter& filter, const Page& page,
                                              Time now,
                                              const std::function<bool(const Key&)>& visit) {
  try_to_flush();
  Pager<KeyId> pager(page.limit, std::nullopt);
  // One more than the page has tells whether there is another one.
  const std::size_t max = page.limit == SIZE_MAX ? SIZE_MAX : page.limit + 1;
  return list_keys(*engine_, filter, page.after, max, now,
                   [&](const Key& key) { return pager.pass(key, key.id, visit); })
      .map([&] { return pager.next(); });
}

Result<std::vector<std::optional<Key>>> TableStore::find(std::span<const KeyId> ids) {
  try_to_flush();
  return read(*engine_, [&](Tables& tables) { return store::find(tables, ids); });
}

Result<std::vector<std::optional<Key>>> TableStore::find(std::span<const core::KeyHash> hashes) {
  try_to_flush();
  return read(*engine_, [&](Tables& tables) { return store::find(tables, hashes); });
}

Result<core::Policy> TableStore::policy(const std::string& workspace) {
  return read(*engine_, [&](Tables& tables) { return tables.find_policy(workspace); });
}

Result<std::vector<std::string>> TableStore::workspaces() {
  return read(*engine_, [](Tables& tables) { return tables.workspaces(); });
}

Result<std::vector<Token>> TableStore::tokens() {
  return read(*engine_, [](Tables& tables) {
    std::vector<Token> tokens;
    tables.scan_tokens(std::nullopt, Order::newest_first, [&](const Token& token) {
      tokens.push_back(token);
      return true;
    });
    return tokens;
  });
}

Result<std::vector<Token>> TableStore::trusts() {
  return check_for(RevocationKeeper::Use::decision).and_then([&] {
    return read(*engine_, [](Tables& tables) { return tables.trusts(); });
  });
}

Result<std::vector<std::optional<Token>>> TableStore::find_tokens(
    std::span<const core::CredentialHash> hashes) {
  return check_for(RevocationKeeper::Use::decision).and_then([&] {
    return read(*engine_, [&](Tables& tables) {
      return arrange(hashes, tables.find_tokens(hashes), &Token::hash);
    });
  });
}

Result<std::vector<Verification>> TableStore::verify(std::span<const core::Request> requests,
                                                     const VerifyOptions& options) {
  if (auto checked = check_for(RevocationKeeper::Use::decision); !checked) {
    return tl::unexpected(std::move(checked.error()));
  }
  if (std::ranges::none_of(requests, [](const core::Request& r) { return r.key_id.has_value(); })) {
    return engine_->verify(requests, options);
  }
  const auto find_some = [&](std::span<const KeyId> ids) {
    return read(*engine_, [&](Tables& tables) { return store::find(tables, ids); });
  };
  return name_by_hash(requests, options, find_some)
      .and_then(
          [&](const std::vector<core::Request>& named) { return engine_->verify(named, options); });
}

Result<core::UsageReport> TableStore::usage(const core::UsageQuery& query, Time now) {
  static_cast<void>(roll_forward(*engine_));  // a role that may only read may not do that
  if (const auto flushed = engine_->flush(); !flushed) {
    return tl::unexpected(flushed.error());
  }
  // A process that has nothing else to do than this report folds a bounded piece as well. If that
  // fails, the next one does it.
  static_cast<void>(folding_.step(*engine_, now));
  core::UsageReport report;
  return engine_
      ->view([&](Tables& tables) {
        core::UsageReporter reporter(query, now);
        tables.sum_usage(query, reporter.span(),
                         [&](const core::UsageRow& row) { reporter.add(row); });
        if (query.key) {
          tables.scan_peaks(*query.key, reporter.since(),
                            [&](const core::Peak& peak) { reporter.add(peak); });
        }
        report = std::move(reporter).finish();
        set_limits(tables, query.key, report.peaks);
        if (query.by == core::Grouping::key) {
          add_key_names(tables, report.groups);
        }
      })
      .map([&] { return std::move(report); });
}

Result<core::PeakReport> TableStore::peaks(const core::PeakQuery& query, Time now) {
  return engine_->flush().and_then([&] { return report_peaks(*engine_, query, now); });
}

Result<void> TableStore::check_revocation_log() {
  return check_for(RevocationKeeper::Use::decision);
}

Result<void> TableStore::write_revocation_log() {
  return revocations_ ? revocations_->write(*engine_) : Result<void>();
}

Result<AppliedEndings> TableStore::apply_revocation_log(const core::Actor& actor, Time now) {
  // A key of an import that is not written yet could not be ended, and would be added as active.
  if (const auto rolled = roll_forward(*engine_); !rolled) {
    return tl::unexpected(rolled.error());
  }
  return revocations_ ? revocations_->apply(*engine_, actor, now) : AppliedEndings();
}

Result<void> TableStore::check_for(RevocationKeeper::Use use) {
  return revocations_ ? revocations_->check(*engine_, use) : Result<void>();
}

Result<std::optional<std::int64_t>> TableStore::audit(
    const core::AuditFilter& filter, std::size_t limit,
    const std::function<bool(const core::AuditEntry&)>& visit) {
  static_cast<void>(roll_forward(*engine_));  // a role that may only read may not do that
  Pager<std::int64_t> pager(limit, filter.after);
  return list_audit(
             *engine_, filter,
             [&](const core::AuditEntry& entry) { return pager.pass(entry, entry.number, visit); })
      .map([&] { return pager.next(); });
}

Result<core::AuditHead> TableStore::audit_head() {
  return read(*engine_, [](Tables& tables) { return tables.audit_head(); });
}

Result<std::optional<std::size_t>> TableStore::unfinished_imports() {
  return read(*engine_, [](Tables& tables) {
    const auto imports = tables.accepted_imports();
    return std::optional<std::size_t>(std::ranges::count_if(
        imports, [](const AcceptedImport& import) { return !import.finished_at; }));
  });
}

Result<void> TableStore::export_records(const std::optional<std::string>& workspace,
                                        const std::function<bool(const core::Record&)>& visit) {
  if (auto completed = complete(); !completed) {
    return completed;
  }
  Result<void> exported;
  return engine_->view([&](Tables& tables) { exported = export_tables(tables, workspace, visit); })
      .and_then([&] { return exported; });
}

Maintained TableStore::maintain() {
  constexpr std::chrono::minutes kSweepPause{1};
  const auto is_flushed = engine_->maintain();
  // A role of the database that only decides may do nothing of what follows.
  static_cast<void>(folding_.go_on(*engine_, core::system_time()));
  help_imports();
  if (const auto now = Clock::now(); now >= next_sweep_) {
    next_sweep_ = now + kSweepPause;
    static_cast<void>(sweep_imports(*engine_, core::system_time()));
    if (revocations_) {
      is_logged_ = revocations_->write(*engine_).has_value();  // what a process that died did not
    }
  }
  return {.is_flushed = is_flushed.value_or(false), .is_logged = is_logged_};
}

void TableStore::try_to_flush() {
  static_cast<void>(engine_->flush());
  help_imports();
}

void TableStore::help_imports() {
  constexpr std::chrono::milliseconds kMaxTime{100};
  constexpr std::chrono::seconds kPause{1};
  const auto begin = Clock::now();
  if (begin < next_help_) {
    return;
  }
  next_help_ = begin + kPause;
  static_cast<void>(roll_idle_forward(*engine_, [&] {
    next_help_ = begin;  // there may be more to do
    return Clock::now() - begin > kMaxTime;
  }));
}

Result<void> TableStore::complete() {
  static_cast<void>(sweep_imports(*engine_, core::system_time()));
  return roll_forward(*engine_).and_then([&] { return engine_->flush(); });
}

}  // namespace nexakey::store
