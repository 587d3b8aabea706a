#include "store/postgres/postgres_store.h"

#include <algorithm>
#include <chrono>
#include <string_view>
#include <utility>

#include "core/endpoint.h"
#include "store/postgres/audit_rows.h"
#include "store/postgres/decider.h"
#include "store/postgres/export_rows.h"
#include "store/postgres/import_rows.h"
#include "store/postgres/key_rows.h"
#include "store/postgres/schema.h"
#include "store/postgres/token_rows.h"
#include "store/refusals.h"

namespace nexakey::store::postgres {
namespace {

using core::ErrorCode;
using core::Key;
using core::KeyId;
using core::Time;
using core::Token;
using core::TokenId;

/// How many requests or answers go to the server at once.
constexpr std::size_t kBatch = 256;

/// Windows of so many keys are tidied up at once, and those of all keys about once a minute.
constexpr std::int64_t kTidied = 1000;
constexpr std::chrono::minutes kTidyingPause{1};
constexpr std::int64_t kBeforeAllKeys = -1;

constexpr std::int64_t kMillisecondsPerHour = 3'600'000;

class PostgresStore final : public KeyStore {
 public:
  explicit PostgresStore(Connection connection) : connection_(std::move(connection)) {}

  Result<void> prepare(OpenMode mode) { return prepare_store(connection_, mode); }

  Result<Key> create(const Key& key, CreateMode mode, Time now) override;
  Result<std::optional<KeyId>> list(const core::KeyFilter& filter, const Page& page, Time now,
                                    const std::function<bool(const Key&)>& visit) override;
  Result<std::optional<Key>> update(KeyId id, const core::KeyChange& change, Time now) override;
  Result<std::vector<Key>> revoke(std::span<const KeyId> ids, const std::string& reason,
                                  Time now) override;
  Result<std::optional<core::Rotated>> rotate(KeyId id, const core::Rotation& rotation,
                                              Time now) override;
  Result<std::vector<Verification>> verify(std::span<const core::Request> requests,
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
  /// Does `work`, which returns a Result, in a transaction while nobody else changes anything.
  template <typename Work>
  auto change(const Work& work) {
    return guarded([&] {
      return connection_.change([&] {
        head_ = lock_audit_head(connection_);
        return work();
      });
    });
  }

  /// Writes what is done in this change to the audit log.
  void log(Time at, core::AuditRecord record);
  /// Writes what has changed of a key, if anything has, and logs it.
  void change_key(core::AuditAction action, const Key& before, const Key& after, Time now);
  std::optional<Key> find_active_namesake(const Key& key, Time now);

  Connection connection_;
  core::AuditHead head_;                  // of the log, during a change
  std::int64_t tidied_ = kBeforeAllKeys;  // the last key whose window was tidied up
  std::chrono::steady_clock::time_point next_tidying_;
  Decider decider_{connection_};
};

void PostgresStore::log(Time at, core::AuditRecord record) {
  const core::AuditEntry entry = core::next_entry(head_, actor(), at, std::move(record));
  insert_audit(connection_, {&entry, 1});
  head_ = {.number = entry.number, .hash = entry.hash};
}

void PostgresStore::change_key(core::AuditAction action, const Key& before, const Key& after,
                               Time now) {
  if (auto record = core::record_change(action, before, after)) {
    update_key(connection_, after);
    log(now, *std::move(record));
  }
}

Result<Key> PostgresStore::create(const Key& key, CreateMode mode, Time now) {
  return change([&]() -> Result<Key> {
    // When a key was last used is the store's to know and no part of what is created.
    Key added = key;
    added.last_used_at.reset();
    if (const auto same = find_key(connection_, key.id)) {
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
    if (has_hash(connection_, key.hash)) {
      return tl::unexpected(key_hash_taken());
    }
    for (const auto& relative : {key.rotated_from, key.superseded_by}) {
      if (relative && !find_key(connection_, *relative)) {
        return tl::unexpected(no_such_key(*relative));
      }
    }
    insert_keys(connection_, {&added, 1});
    log(now, core::record_creation(added));
    return added;
  });
}

std::optional<Key> PostgresStore::find_active_namesake(const Key& key, Time now) {
  const core::KeyFilter filter{.workspace = key.workspace,
                               .name = key.name,
                               .status = core::KeyStatus::active,
                               .newest_of_line = true};
  for (Key& found : find_namesakes(connection_, key.workspace, key.name)) {
    if (filter.matches(found, now)) {
      return std::move(found);
    }
  }
  return std::nullopt;
}

Result<std::optional<KeyId>> PostgresStore::list(const core::KeyFilter& filter, const Page& page,
                                                 Time now,
                                                 const std::function<bool(const Key&)>& visit) {
  return guarded([&]() -> Result<std::optional<KeyId>> {
    std::optional<KeyId> next;
    std::optional<KeyId> last;
    std::size_t count = 0;
    visit_keys(connection_, filter, page.after, [&](const Key& key) {
      if (!filter.matches(key, now)) {
        return true;
      }
      if (count == page.limit) {
        next = last;
        return false;
      }
      ++count;
      last = key.id;
      return visit(key);
    });
    return next;
  });
}

Result<std::optional<Key>> PostgresStore::update(KeyId id, const core::KeyChange& change_of_key,
                                                 Time now) {
  return change([&]() -> Result<std::optional<Key>> {
    const auto key = find_key(connection_, id);
    if (!key) {
      return std::nullopt;
    }
    auto changed = core::apply(*key, change_of_key, now);
    if (!changed) {
      return tl::unexpected(std::move(changed.error()));
    }
    change_key(core::AuditAction::edit, *key, *changed, now);
    return *std::move(changed);
  });
}

Result<std::vector<Key>> PostgresStore::revoke(std::span<const KeyId> ids,
                                               const std::string& reason, Time now) {
  return change([&]() -> Result<std::vector<Key>> {
    std::vector<Key> keys;
    for (const KeyId id : ids) {
      auto key = find_key(connection_, id);
      if (!key) {
        return tl::unexpected(no_such_key(id));
      }
      if (!key->revoked_at) {
        const Key before = *key;
        key->revoked_at = now;
        key->revoke_reason = reason;
        change_key(core::AuditAction::revoke, before, *key, now);
      }
      keys.push_back(*std::move(key));
    }
    return keys;
  });
}

Result<std::optional<core::Rotated>> PostgresStore::rotate(KeyId id, const core::Rotation& rotation,
                                                           Time now) {
  return change([&]() -> Result<std::optional<core::Rotated>> {
    const auto key = find_key(connection_, id);
    if (!key) {
      return std::nullopt;
    }
    const auto twin = find_key(connection_, rotation.successor);
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
    if (has_hash(connection_, rotation.hash)) {
      return tl::unexpected(key_hash_taken());
    }
    insert_keys(connection_, {&rotated->successor, 1});
    log(now, core::record_creation(rotated->successor));
    change_key(core::AuditAction::rotate, *key, rotated->previous, now);
    return *std::move(rotated);
  });
}

Result<std::vector<Verification>> PostgresStore::verify(std::span<const core::Request> requests,
                                                        const VerifyOptions& options) {
  return guarded([&]() -> Result<std::vector<Verification>> {
    std::vector<Verification> verifications(requests.size());
    for (std::size_t done = 0; done < requests.size(); done += kBatch) {
      const std::size_t count = std::min(kBatch, requests.size() - done);
      decider_.decide(requests.subspan(done, count), options,
                      std::span(verifications).subspan(done, count));
    }
    return verifications;
  });
}

Result<core::UsageReport> PostgresStore::usage(const core::UsageQuery& query, Time now) {
  return guarded([&]() -> Result<core::UsageReport> {
    core::UsageReporter reporter(query, now);
    const std::int64_t first_hour =
        reporter.first_hour().time_since_epoch().count() / kMillisecondsPerHour;
    Parameters parameters;
    parameters.add(first_hour / 24).add(first_hour);
    std::string sql =
        "SELECT day::bigint * 24 + hour, endpoint, status, sum(requests)::bigint"
        " FROM nexakey.usage JOIN nexakey.keys ON keys.id = usage.key"
        " WHERE day >= $1 AND day::bigint * 24 + hour >= $2";
    if (query.key) {
      parameters.add(query.key->bits());
      sql += " AND usage.key = $3";
    }
    if (query.workspace) {
      parameters.add(*query.workspace);
      sql += query.key ? " AND workspace = $4" : " AND workspace = $3";
    }
    sql += " GROUP BY 1, 2, 3";
    connection_.stream(sql, parameters, [&](const Rows& rows, int row) {
      reporter.add({.hour = Time(std::chrono::hours(rows.number(row, 0))),
                    .endpoint = rows.text(row, 1),
                    .status = static_cast<int>(rows.number(row, 2, 0, INT16_MAX)),
                    .requests = static_cast<std::uint64_t>(rows.number(row, 3))});
      return true;
    });
    return reporter.report();
  });
}

Result<void> PostgresStore::record_responses(std::span<const core::UpstreamResponse> responses) {
  return guarded([&]() -> Result<void> {
    for (std::size_t done = 0; done < responses.size(); done += kBatch) {
      const auto batch = responses.subspan(done, std::min(kBatch, responses.size() - done));
      std::vector<std::int64_t> keys;
      std::vector<std::string> workspaces;
      std::vector<std::string> endpoints;
      std::vector<std::int64_t> statuses;
      for (const core::UpstreamResponse& response : batch) {
        keys.push_back(response.key.bits());
        workspaces.push_back(response.workspace.value_or(""));  // of any
        endpoints.push_back(core::endpoint_of(response.method, response.path));
        statuses.push_back(core::kUpstreamStatus + response.status);
      }
      const Parameters parameters = Parameters()
                                        .add_array(keys)
                                        .add_array(workspaces)
                                        .add_array(endpoints)
                                        .add_array(statuses);
      connection_.ask(
          [&] { return connection_.run("SELECT nexakey.report($1, $2, $3, $4)", parameters); });
    }
    return {};
  });
}

Result<Token> PostgresStore::create_token(const Token& token) {
  return change([&]() -> Result<Token> {
    if (const auto same = postgres::find_token(connection_, token.id)) {
      if (*same == token) {
        return token;
      }
      return tl::unexpected(id_taken(token.id));
    }
    if (postgres::find_token(connection_, token.hash)) {
      return tl::unexpected(token_hash_taken());
    }
    insert_token(connection_, token);
    log(core::system_time(), core::record_creation(token));
    return token;
  });
}

Result<std::vector<Token>> PostgresStore::tokens() {
  return guarded([&]() -> Result<std::vector<Token>> {
    return connection_.ask([&] { return select_tokens(connection_); });
  });
}

Result<std::optional<Token>> PostgresStore::find_token(const core::CredentialHash& hash) {
  return guarded([&]() -> Result<std::optional<Token>> {
    return connection_.ask([&] { return postgres::find_token(connection_, hash); });
  });
}

Result<std::vector<Token>> PostgresStore::revoke_tokens(std::span<const TokenId> ids, Time now) {
  return change([&]() -> Result<std::vector<Token>> {
    std::vector<Token> revoked;
    for (const TokenId id : ids) {
      auto token = postgres::find_token(connection_, id);
      if (!token) {
        return tl::unexpected(no_such_token(id));
      }
      if (!token->revoked_at) {
        const Token before = *token;
        token->revoked_at = now;
        revoke_token(connection_, id, now);
        log(now, core::record_revocation(before, *token));
      }
      revoked.push_back(*std::move(token));
    }
    return revoked;
  });
}

Result<std::optional<std::int64_t>> PostgresStore::audit(
    const core::AuditFilter& filter, std::size_t limit,
    const std::function<bool(const core::AuditEntry&)>& visit) {
  return guarded([&]() -> Result<std::optional<std::int64_t>> {
    std::optional<std::int64_t> next;
    std::int64_t last = filter.after;
    std::size_t count = 0;
    visit_audit(connection_, filter, [&](const core::AuditEntry& entry) {
      if (!filter.matches(entry)) {
        return true;
      }
      if (count == limit) {
        next = last;
        return false;
      }
      ++count;
      last = entry.number;
      return visit(entry);
    });
    return next;
  });
}

Result<core::AuditHead> PostgresStore::audit_head() {
  return guarded([&]() -> Result<core::AuditHead> {
    return connection_.ask([&] { return find_audit_head(connection_); });
  });
}

Result<void> PostgresStore::export_records(const std::optional<std::string>& workspace,
                                           const std::function<bool(const core::Record&)>& visit) {
  return guarded([&]() -> Result<void> {
    connection_.view([&] { export_rows(connection_, workspace, visit); });
    return {};
  });
}

Result<void> PostgresStore::stage_import(core::ImportId id, std::uint32_t number,
                                         std::string_view lines, Time now) {
  if (auto checked = core::check_import_part(number, lines); !checked) {
    return checked;
  }
  return guarded([&] {
    return connection_.change([&]() -> Result<void> {
      stage_part(connection_, id, number, lines, now);
      return {};
    });
  });
}

Result<core::ImportSummary> PostgresStore::commit_import(core::ImportId id, std::uint32_t parts,
                                                         const core::ImportOptions& options,
                                                         Time now) {
  const auto read_part = [&](std::uint32_t number) -> Result<std::string> {
    auto part = connection_.ask([&] { return find_part(connection_, id, number); });
    if (!part) {
      return core::fail(ErrorCode::not_found, "a part of the import is missing", "import it again");
    }
    return *std::move(part);
  };
  std::optional<core::ImportSummary> undone;
  const auto apply = [&](const ReadImport& import) {
    return change([&]() -> Result<core::ImportSummary> {
      PostgresImportRows rows(connection_);
      core::ImportSummary summary = apply_import(import, options, rows, actor(), now);
      if (!is_to_be_committed(summary, options)) {
        undone = std::move(summary);
        return core::fail(ErrorCode::failed, "nothing of it is to stay");
      }
      rows.finish();
      delete_parts(connection_, id);
      return summary;
    });
  };
  auto done = guarded([&] { return read_import(parts, read_part, options); }).and_then(apply);
  if (done) {
    return done;
  }
  static_cast<void>(guarded([&] {
    return connection_.change([&]() -> Result<void> {
      delete_parts(connection_, id);
      return {};
    });
  }));
  return undone ? Result<core::ImportSummary>(*std::move(undone)) : std::move(done);
}

Result<void> PostgresStore::maintain() {
  const auto now = std::chrono::steady_clock::now();
  if (now < next_tidying_) {
    return {};
  }
  next_tidying_ = now + kTidyingPause;  // also if it fails, or is not permitted
  return guarded([&]() -> Result<void> {
    const Parameters parameters = Parameters().add(tidied_).add(kTidied);
    const Rows rows = connection_.ask(
        [&] { return connection_.run("SELECT nexakey.tidy_windows($1, $2)", parameters); });
    tidied_ = rows.is_null(0, 0) ? kBeforeAllKeys : rows.number(0, 0);
    if (tidied_ != kBeforeAllKeys) {
      next_tidying_ = now;
    }
    return {};
  });
}

Result<std::vector<std::string>> PostgresStore::workspaces() {
  return guarded([&]() -> Result<std::vector<std::string>> {
    const Rows rows = connection_.ask([&] {
      return connection_.run(
          "SELECT DISTINCT workspace COLLATE \"C\" FROM nexakey.keys ORDER BY 1");
    });
    std::vector<std::string> names;
    for (int row = 0; row < rows.size(); ++row) {
      names.emplace_back(rows.text(row, 0));
    }
    return names;
  });
}

}  // namespace

Result<std::unique_ptr<KeyStore>> open_store(const std::string& rest, OpenMode mode) {
  return guarded([&]() -> Result<std::unique_ptr<KeyStore>> {
    auto connection = Connection::to("postgresql:" + rest);
    if (!connection) {
      return tl::unexpected(std::move(connection.error()));
    }
    auto store = std::make_unique<PostgresStore>(*std::move(connection));
    auto prepared = store->prepare(mode);
    if (!prepared) {
      return tl::unexpected(std::move(prepared.error()));
    }
    return store;
  });
}

}  // namespace nexakey::store::postgres
