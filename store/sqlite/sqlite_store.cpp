#include "store/sqlite/sqlite_store.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include "core/endpoint.h"
#include "store/refusals.h"
#include "store/sqlite/audit_rows.h"
#include "store/sqlite/database.h"
#include "store/sqlite/export_rows.h"
#include "store/sqlite/import_rows.h"
#include "store/sqlite/key_rows.h"
#include "store/sqlite/token_rows.h"
#include "store/sqlite/usage_tables.h"

namespace nexakey::store::sqlite {
namespace {

using core::ErrorCode;
using core::Key;
using core::KeyId;
using core::KeyRules;
using core::Request;
using core::Time;
using core::Token;
using core::TokenId;
using Reserve = Database::Reserve;

/// How many requests are decided with one look at the database and one turn of the live lock.
constexpr std::size_t kBatch = 64;

class SqliteStore final : public KeyStore {
 public:
  explicit SqliteStore(Database database) : database_(std::move(database)) {}
  ~SqliteStore() override;

  Result<Key> create(const Key& key, CreateMode mode, Time now) override;
  Result<std::optional<KeyId>> list(const core::KeyFilter& filter, const Page& page, Time now,
                                    const std::function<bool(const Key&)>& visit) override;
  Result<std::optional<Key>> update(KeyId id, const core::KeyChange& change, Time now) override;
  Result<std::vector<Key>> revoke(std::span<const KeyId> ids, const std::string& reason,
                                  Time now) override;
  Result<std::optional<core::Rotated>> rotate(KeyId id, const core::Rotation& rotation,
                                              Time now) override;
  Result<std::vector<Verification>> verify(std::span<const Request> requests,
                                           const VerifyOptions& options) override;
  Result<core::UsageReport> usage(const core::UsageQuery& query, Time now) override;
  Result<void> record_responses(std::span<const core::UpstreamResponse> responses) override;
  Result<std::vector<std::string>> workspaces() override;
  Result<Token> create_token(const Token& token) override;
  Result<std::vector<Token>> tokens() override;
  Result<std::optional<Token>> find_token(const core::CredentialHash& hash) override;
  Result<std::vector<Token>> revoke_tokens(std::span<const TokenId> ids, Time now) override;
  Result<std::optional<std::int64_t>> audit(
      const core::AuditFilter& filter, std::size_t limit,
      const std::function<bool(const core::AuditEntry&)>& visit) override;
  Result<core::AuditHead> audit_head() override;
  Result<void> export_records(const std::optional<std::string>& workspace,
                              const std::function<bool(const core::Record&)>& visit) override;
  Result<void> stage_import(core::ImportId id, std::uint32_t number, std::string_view lines,
                            Time now) override;
  Result<core::ImportSummary> commit_import(core::ImportId id, std::uint32_t parts,
                                            const core::ImportOptions& options, Time now) override;
  Result<void> maintain() override;

 private:
  template <typename Work>
  auto guard(const Work& work) {
    return guarded(database_.paths(), work);
  }

  /// Writes what is done in this write transaction to the audit log.
  void log(Time at, core::AuditRecord record) {
    append_audit(database_, actor(), at, std::move(record));
  }

  /// Writes what has changed of a key, if anything has, and logs it.
  void change_key(core::AuditAction action, const Key& before, const Key& after, Time now);

  LiveState& live();
  /// Puts what is in the journal into the tables.
  void settle_journal();
  /// The same for the half whose turn it is.
  void settle_once(Reserve reserve);
  /// The same for commands that only show when a key was last used: they work on a full disk.
  void try_to_settle_journal();

  std::optional<Key> find_active_namesake(const Key& key, Time now);
  std::vector<std::optional<KeyRules>> look_up(std::span<const Request> requests);
  core::SlidingWindow window_of(const KeyRules& key, core::Tick now);
  bool is_in_its_workspace(const core::UpstreamResponse& response);
  void verify_batch(std::span<const Request> requests, const VerifyOptions& options,
                    std::vector<Verification>& verifications);
  /// Takes Lock::live with room in the journal for the endpoints that are not empty.
  std::unique_ptr<LockGuard> lock_with_room(std::span<const std::string> endpoints);

  Database database_;
  std::optional<LiveState> live_;
  bool has_counted_ = false;
  bool is_mapped_ = false;
  std::optional<SQLite::Statement> select_rules_;
  std::optional<SQLite::Statement> select_workspace_;
};

SqliteStore::~SqliteStore() {
  if (has_counted_) {
    live_->journal.start_write_back(true);
  }
}

LiveState& SqliteStore::live() {
  if (!live_) {
    live_.emplace(LiveState::open(database_.paths(), database_.lock_file()));
  }
  return *live_;
}

Result<Key> SqliteStore::create(const Key& key, CreateMode mode, Time now) {
  return guard([&] {
    return database_.write(Reserve::kept, [&]() -> Result<Key> {
      // When a key was last used is the store's to know and no part of what is created.
      Key added = key;
      added.last_used_at.reset();
      if (const auto same = find_key(database_, key.id)) {
        added.last_used_at = same->last_used_at;
        if (*same == added) {
          return added;
        }
        return tl::unexpected(id_taken(key.id));
      }
      if (mode == CreateMode::unless_named) {
        if (const auto namesake = find_active_namesake(key, now)) {
          return *namesake;
        }
      }
      if (has_hash(database_, key.hash)) {
        return tl::unexpected(key_hash_taken());
      }
      for (const auto& relative : {key.rotated_from, key.superseded_by}) {
        if (relative && !find_key(database_, *relative)) {
          return tl::unexpected(no_such_key(*relative));
        }
      }
      insert_key(database_, added);
      log(now, core::record_creation(added));
      return added;
    });
  });
}

void SqliteStore::change_key(core::AuditAction action, const Key& before, const Key& after,
                             Time now) {
  if (auto record = core::record_change(action, before, after)) {
    update_key(database_, after);
    log(now, *std::move(record));
  }
}

std::optional<Key> SqliteStore::find_active_namesake(const Key& key, Time now) {
  const core::KeyFilter filter{.workspace = key.workspace,
                               .name = key.name,
                               .status = core::KeyStatus::active,
                               .newest_of_line = true};
  auto rows = select_keys(database_, filter, std::nullopt);
  while (rows.executeStep()) {
    if (Key found = read_key(rows); filter.matches(found, now)) {
      return found;
    }
  }
  return std::nullopt;
}

Result<std::optional<KeyId>> SqliteStore::list(const core::KeyFilter& filter, const Page& page,
                                               Time now,
                                               const std::function<bool(const Key&)>& visit) {
  return guard([&]() -> Result<std::optional<KeyId>> {
    try_to_settle_journal();
    return database_.read([&]() -> Result<std::optional<KeyId>> {
      auto rows = select_keys(database_, filter, page.after);
      std::optional<KeyId> last;
      for (std::size_t count = 0; rows.executeStep();) {
        const Key key = read_key(rows);
        if (!filter.matches(key, now)) {
          continue;
        }
        if (count == page.limit) {
          return last;
        }
        ++count;
        last = key.id;
        if (!visit(key)) {
          break;
        }
      }
      return std::nullopt;
    });
  });
}

Result<std::optional<Key>> SqliteStore::update(KeyId id, const core::KeyChange& change, Time now) {
  return guard([&] {
    return database_.write(Reserve::used, [&]() -> Result<std::optional<Key>> {
      const auto key = find_key(database_, id);
      if (!key) {
        return std::nullopt;
      }
      auto changed = core::apply(*key, change, now);
      if (!changed) {
        return tl::unexpected(std::move(changed.error()));
      }
      change_key(core::AuditAction::edit, *key, *changed, now);
      return *std::move(changed);
    });
  });
}

Result<std::vector<Key>> SqliteStore::revoke(std::span<const KeyId> ids, const std::string& reason,
                                             Time now) {
  return guard([&] {
    return database_.write(Reserve::used, [&]() -> Result<std::vector<Key>> {
      std::vector<Key> keys;
      for (const KeyId id : ids) {
        // A key that is damaged has to go, too, and is no longer in the way of the others then.
        auto key = find_key(database_, id, Damage::left_out);
        if (!key) {
          return tl::unexpected(no_such_key(id));
        }
        if (!key->revoked_at) {
          const Key before = *key;
          key->revoked_at = now;
          key->revoke_reason = reason;
          log(now, *core::record_change(core::AuditAction::revoke, before, *key));
        }
        update_key(database_, *key);
        keys.push_back(*std::move(key));
      }
      return keys;
    });
  });
}

Result<std::optional<core::Rotated>> SqliteStore::rotate(KeyId id, const core::Rotation& rotation,
                                                         Time now) {
  return guard([&] {
    return database_.write(Reserve::kept, [&]() -> Result<std::optional<core::Rotated>> {
      const auto key = find_key(database_, id);
      if (!key) {
        return std::nullopt;
      }
      const auto twin = find_key(database_, rotation.successor);
      if (twin && core::is_done(rotation, *key, *twin)) {
        return core::Rotated{.successor = *twin, .previous = *key};
      }
      auto rotated = core::rotate(*key, rotation, now);
      if (!rotated) {
        return tl::unexpected(std::move(rotated.error()));
      }
      if (twin) {
        return tl::unexpected(id_taken(twin->id));
      }
      if (has_hash(database_, rotation.hash)) {
        return tl::unexpected(key_hash_taken());
      }
      insert_key(database_, rotated->successor);
      log(now, core::record_creation(rotated->successor));
      change_key(core::AuditAction::rotate, *key, rotated->previous, now);
      return *std::move(rotated);
    });
  });
}

std::vector<std::optional<KeyRules>> SqliteStore::look_up(std::span<const Request> requests) {
  // Mapped from the second time on: for a single one it costs more than it saves.
  if (select_rules_ && !std::exchange(is_mapped_, true)) {
    database_.map();
  }
  // Reset before the transaction begins: one that an error left open would keep its old view.
  auto& select = database_.prepare(select_rules_, kSelectRules);
  return database_.read([&] {
    std::vector<std::optional<KeyRules>> found(requests.size());
    for (std::size_t i = 0; i < requests.size(); ++i) {
      if (requests[i].credential != core::Credential::key) {
        continue;
      }
      select.reset();
      bind_hash(select, 1, requests[i].key_hash);
      if (select.executeStep()) {
        found[i] = read_rules(select);
      }
    }
    select.reset();
    return found;
  });
}

std::unique_ptr<LockGuard> SqliteStore::lock_with_room(std::span<const std::string> endpoints) {
  std::size_t size = 0;
  for (const std::string& endpoint : endpoints) {
    if (endpoint.empty()) {
      continue;
    }
    size += UsageJournal::size_of({.key = {}, .at = {}, .status = 0, .endpoint = endpoint});
  }
  for (;;) {
    auto guard = std::make_unique<LockGuard>(database_.lock_file(), Lock::live);
    if (live().journal.make_room(size)) {
      return guard;
    }
    guard.reset();
    settle_once(Reserve::used);
  }
}

core::SlidingWindow SqliteStore::window_of(const KeyRules& key, core::Tick now) {
  WindowFile& windows = live().windows;
  try {
    return windows.window(key.id, key.rate_limit, now);
  } catch (const std::system_error& error) {
    // A file of windows that is full has to move to a new one, on a full disk too.
    if (error.code() != std::errc::no_space_on_device || !database_.give_up_reserve()) {
      throw;
    }
  }
  return windows.window(key.id, key.rate_limit, now);
}

void SqliteStore::verify_batch(std::span<const Request> requests, const VerifyOptions& options,
                               std::vector<Verification>& verifications) {
  const bool dry_run = options.counting == Counting::dry_run;
  const auto keys = look_up(requests);
  std::vector<std::string> endpoints(requests.size());  // of what may be counted
  for (std::size_t i = 0; i < requests.size(); ++i) {
    if (keys[i] && !dry_run) {
      endpoints[i] = core::endpoint_of(requests[i].method, requests[i].path);
    }
  }
  auto& [windows, journal] = live();
  const auto guard = lock_with_room(endpoints);
  const Time now = core::system_time();
  const core::Tick tick = windows.now();
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const KeyRules* const key = keys[i] ? &*keys[i] : nullptr;
    std::optional<core::SlidingWindow> window;
    if (key != nullptr && key->is_active(now)) {
      window.emplace(window_of(*key, tick));
    }
    Verification& verification = verifications.emplace_back();
    verification.decision =
        core::decide(requests[i], key, window ? &*window : nullptr, now, tick, dry_run);
    if (options.explain) {
      verification.checks = core::explain(requests[i], key, verification.decision, now);
    }
    if (verification.decision.key_id && !dry_run) {
      journal.append({.key = *verification.decision.key_id,
                      .at = now,
                      .status = core::status_of(verification.decision.reason),
                      .endpoint = endpoints[i]});
      has_counted_ = true;
    }
  }
}

Result<std::vector<Verification>> SqliteStore::verify(std::span<const Request> requests,
                                                      const VerifyOptions& options) {
  return guard([&]() -> Result<std::vector<Verification>> {
    std::vector<Verification> verifications;
    verifications.reserve(requests.size());
    live();
    for (std::size_t done = 0; done < requests.size(); done += kBatch) {
      verify_batch(requests.subspan(done, std::min(kBatch, requests.size() - done)), options,
                   verifications);
    }
    live_->journal.start_write_back(false);
    return verifications;
  });
}

void SqliteStore::settle_once(Reserve reserve) {
  auto& journal = live().journal;
  std::optional<std::uint64_t> generation;
  const auto settled = database_.write(reserve, [&]() -> Result<void> {
    {
      // Only who holds Lock::writer seals, so that one process settles a half.
      const LockGuard guard(database_.lock_file(), Lock::live);
      generation = journal.seal();
    }
    if (generation) {
      journal.sync_generation();
      settle(database_, journal, *generation);
    }
    return {};
  });
  if (settled && generation) {
    const LockGuard guard(database_.lock_file(), Lock::live);
    journal.release(*generation);
  }
}

void SqliteStore::settle_journal() {
  const auto is_empty = [&] {
    const LockGuard guard(database_.lock_file(), Lock::live);
    return live_->journal.is_empty();
  };
  live();
  // At most the sealed half and the active one: others may go on counting all the time.
  for (int halves = 0; halves < 2 && !is_empty(); ++halves) {
    settle_once(Reserve::kept);
  }
}

void SqliteStore::try_to_settle_journal() {
  try {
    settle_journal();
  } catch (const std::exception&) {
    // The list then shows last uses as of the last time that it could be done.
    return;
  }
}

Result<core::UsageReport> SqliteStore::usage(const core::UsageQuery& query, Time now) {
  return guard([&]() -> Result<core::UsageReport> {
    settle_journal();
    return database_.read([&] { return report_usage(database_, query, now); });
  });
}

bool SqliteStore::is_in_its_workspace(const core::UpstreamResponse& response) {
  if (!response.workspace) {
    return true;  // whether there is such a key is found out when the count is settled
  }
  auto& select = database_.prepare(select_workspace_, "SELECT workspace FROM keys WHERE id = ?");
  select.bind(1, static_cast<int64_t>(response.key.bits()));
  const bool is_in = select.executeStep() && select.getColumn(0).getString() == *response.workspace;
  select.reset();
  return is_in;
}

Result<void> SqliteStore::record_responses(std::span<const core::UpstreamResponse> responses) {
  return guard([&]() -> Result<void> {
    live();
    for (std::size_t done = 0; done < responses.size(); done += kBatch) {
      const auto batch = responses.subspan(done, std::min(kBatch, responses.size() - done));
      std::vector<std::string> endpoints(batch.size());  // of what is counted
      for (std::size_t i = 0; i < batch.size(); ++i) {
        if (is_in_its_workspace(batch[i])) {
          endpoints[i] = core::endpoint_of(batch[i].method, batch[i].path);
        }
      }
      const auto guard = lock_with_room(endpoints);
      for (std::size_t i = 0; i < batch.size(); ++i) {
        if (endpoints[i].empty()) {
          continue;
        }
        live_->journal.append({.key = batch[i].key,
                               .at = core::system_time(),
                               .status = core::kUpstreamStatus + batch[i].status,
                               .endpoint = endpoints[i]});
      }
      has_counted_ = true;
    }
    live_->journal.start_write_back(false);
    return {};
  });
}

Result<Token> SqliteStore::create_token(const Token& token) {
  return guard([&] {
    return database_.write(Reserve::kept, [&]() -> Result<Token> {
      if (const auto same = sqlite::find_token(database_, token.id)) {
        if (*same == token) {
          return token;
        }
        return tl::unexpected(id_taken(token.id));
      }
      if (sqlite::find_token(database_, token.hash)) {
        return tl::unexpected(token_hash_taken());
      }
      insert_token(database_, token);
      log(core::system_time(), core::record_creation(token));
      return token;
    });
  });
}

Result<std::vector<Token>> SqliteStore::tokens() {
  return guard([&]() -> Result<std::vector<Token>> { return select_tokens(database_); });
}

Result<std::optional<Token>> SqliteStore::find_token(const core::CredentialHash& hash) {
  return guard(
      [&]() -> Result<std::optional<Token>> { return sqlite::find_token(database_, hash); });
}

Result<std::vector<Token>> SqliteStore::revoke_tokens(std::span<const TokenId> ids, Time now) {
  return guard([&] {
    return database_.write(Reserve::used, [&]() -> Result<std::vector<Token>> {
      std::vector<Token> revoked;
      for (const TokenId id : ids) {
        auto token = sqlite::find_token(database_, id);
        if (!token) {
          return tl::unexpected(no_such_token(id));
        }
        if (!token->revoked_at) {
          const Token before = *token;
          token->revoked_at = now;
          revoke_token(database_, id, now);
          log(now, core::record_revocation(before, *token));
        }
        revoked.push_back(*std::move(token));
      }
      return revoked;
    });
  });
}

Result<std::optional<std::int64_t>> SqliteStore::audit(
    const core::AuditFilter& filter, std::size_t limit,
    const std::function<bool(const core::AuditEntry&)>& visit) {
  return guard([&] {
    return database_.read([&]() -> Result<std::optional<std::int64_t>> {
      auto rows = select_audit(database_, filter);
      std::int64_t last = filter.after;
      for (std::size_t count = 0; rows.executeStep();) {
        const core::AuditEntry entry = read_audit_entry(rows);
        if (!filter.matches(entry)) {
          continue;
        }
        if (count == limit) {
          return last;
        }
        ++count;
        last = entry.number;
        if (!visit(entry)) {
          break;
        }
      }
      return std::nullopt;
    });
  });
}

Result<core::AuditHead> SqliteStore::audit_head() {
  return guard([&]() -> Result<core::AuditHead> { return find_audit_head(database_); });
}

Result<void> SqliteStore::export_records(const std::optional<std::string>& workspace,
                                         const std::function<bool(const core::Record&)>& visit) {
  return guard([&]() -> Result<void> {
    settle_journal();
    database_.read([&] { export_rows(database_, workspace, visit); });
    return {};
  });
}

Result<void> SqliteStore::stage_import(core::ImportId id, std::uint32_t number,
                                       std::string_view lines, Time now) {
  if (auto checked = core::check_import_part(number, lines); !checked) {
    return checked;
  }
  return guard([&] {
    return database_.write(Reserve::kept, [&]() -> Result<void> {
      stage_part(database_, id, number, lines, now);
      return {};
    });
  });
}

Result<core::ImportSummary> SqliteStore::commit_import(core::ImportId id, std::uint32_t parts,
                                                       const core::ImportOptions& options,
                                                       Time now) {
  const auto read_part = [&](std::uint32_t number) -> Result<std::string> {
    auto part = find_part(database_, id, number);
    if (!part) {
      return core::fail(ErrorCode::not_found, "a part of the import is missing", "import it again");
    }
    return *std::move(part);
  };
  std::optional<core::ImportSummary> undone;
  const auto apply = [&](const ReadImport& import) {
    settle_journal();  // the larger of two counts: all that was counted has to be in the tables
    return database_.write(Reserve::kept, [&]() -> Result<core::ImportSummary> {
      SqliteImportRows rows(database_);
      core::ImportSummary summary = apply_import(import, options, rows, actor(), now);
      if (!is_to_be_committed(summary, options)) {
        undone = std::move(summary);
        return core::fail(ErrorCode::failed, "nothing of it is to stay");
      }
      delete_parts(database_, id);
      return summary;
    });
  };
  return guard([&]() -> Result<core::ImportSummary> {
    auto done = read_import(parts, read_part, options).and_then(apply);
    if (done) {
      return done;
    }
    static_cast<void>(database_.write(Reserve::kept, [&]() -> Result<void> {
      delete_parts(database_, id);
      return {};
    }));
    return undone ? *std::move(undone) : std::move(done);
  });
}

Result<void> SqliteStore::maintain() {
  return guard([&]() -> Result<void> {
    live();
    const bool is_filling = [&] {
      const LockGuard guard(database_.lock_file(), Lock::live);
      return live_->journal.is_filling();
    }();
    if (is_filling) {
      settle_once(Reserve::kept);
    }
    live_->journal.start_write_back(false);
    return {};
  });
}

Result<std::vector<std::string>> SqliteStore::workspaces() {
  return guard([&]() -> Result<std::vector<std::string>> {
    SQLite::Statement rows(database_.connection(),
                           "SELECT DISTINCT workspace FROM keys ORDER BY workspace");
    std::vector<std::string> names;
    while (rows.executeStep()) {
      names.push_back(rows.getColumn(0).getString());
    }
    return names;
  });
}

}  // namespace

Result<std::unique_ptr<KeyStore>> open_store(const std::string& path, OpenMode mode) {
  const StorePaths paths{std::filesystem::path(path)};
  return guarded(paths, [&]() -> Result<std::unique_ptr<KeyStore>> {
    auto database = Database::open(paths, mode);
    if (!database) {
      return tl::unexpected(std::move(database.error()));
    }
    return std::make_unique<SqliteStore>(*std::move(database));
  });
}

}  // namespace nexakey::store::sqlite
