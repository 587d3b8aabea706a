#pragma once

#include "store/columns.h"
#include "store/sql.h"
#include "store/tables.h"

namespace nexakey::store {

/// The functions of Tables that are the same statements in each SQL engine. The engine derives its
/// tables from this class and implements the rest.
///
/// `Statements` runs the statements. It has `kDialect` (store/sql.h) and these templates, of which
/// `read` makes a value of a Row, and `write` is a `write_*` of store/columns.h:
/// - `visit(query, read, visit)` calls `visit` with each row of a query until it returns false.
/// - `run(query)` runs a statement without rows.
/// - `find<T>(sql, wanted, read, further...)` returns the rows that an `sql::find_*` has for some
///   ids or hashes; what is `further` are the parameters from the second on.
/// - `insert(table, things, write)` adds rows, in their order.
/// - `update(table, things, write)` writes columns of the rows that have the ids of `things`.
///
/// The text of `find` is the same object at each call, and so is `write` a type of its own for each
/// statement: an engine can keep what it has prepared. `Base` is Tables or DecidingTables
/// (store/deciding.h).
template <typename Statements, typename Base = Tables>
class SqlTables : public Base {
 public:
  template <typename Connection>
  explicit SqlTables(Connection& connection) : statements_(connection) {}

  std::vector<core::Key> find_keys(std::span<const core::KeyId> ids) override {
    static const std::string text = sql::find_keys(Statements::kDialect, "keys.id");
    return statements_.template find<core::Key>(text, ids, kReadKey);
  }
  std::vector<core::Key> find_keys(std::span<const core::KeyHash> hashes) override {
    static const std::string text = sql::find_keys(Statements::kDialect, "hash");
    return statements_.template find<core::Key>(text, hashes, kReadKey);
  }
  std::vector<core::KeyId> existing(std::span<const core::KeyId> ids) override {
    static const std::string text = sql::find_key_ids(Statements::kDialect);
    return statements_.template find<core::KeyId>(
        text, ids, [](const auto& row) { return core::KeyId(row.number(0).value_or(0)); });
  }
  void scan_keys(const core::KeyFilter& filter, const std::optional<core::KeyId>& after,
                 Order order, const std::function<bool(core::Key&&)>& visit) override {
    statements_.visit(sql::scan_keys(Statements::kDialect, filter, after, order), kReadKey, visit);
  }
  void insert(std::span<const core::Key> keys) override {
    statements_.insert(sql::kKeys, keys,
                       [](const core::Key& key, auto& sink) { write_key(key, sink); });
    this->set_last_used(keys);
  }
  void update(std::span<const core::Key> keys) override {
    statements_.update(sql::kKeys, keys,
                       [](const core::Key& key, auto& sink) { write_changeable(key, sink); });
  }
  void revoke(std::span<const core::Key> keys) override {
    statements_.update(sql::kKeys, keys,
                       [](const core::Key& key, auto& sink) { write_revocation(key, sink); });
  }
  std::vector<core::Key> successors_of(std::span<const core::KeyId> ids) override {
    static const std::string text = sql::find_keys(Statements::kDialect, "rotated_from");
    return statements_.template find<core::Key>(text, ids, kReadKey);
  }
  std::vector<core::Key> predecessors_of(std::span<const core::KeyId> ids) override {
    static const std::string text = sql::find_keys(Statements::kDialect, "superseded_by");
    return statements_.template find<core::Key>(text, ids, kReadKey);
  }
  void scan_line(core::KeyId first, const std::function<bool(const core::Key&)>& visit) override {
    statements_.visit(sql::scan_line(Statements::kDialect, first), kReadKey, visit);
  }
  void relink(std::span<const core::Key> keys) override {
    statements_.update(sql::kKeys, keys,
                       [](const core::Key& key, auto& sink) { write_links(key, sink); });
  }
  void scan_tombstones(const std::function<bool(const core::Tombstone&)>& visit) override {
    statements_.visit(
        {sql::select_tombstones(Statements::kDialect)},
        [](const auto& row) { return read_tombstone(row); }, visit);
  }
  void insert(std::span<const core::Tombstone> tombstones) override {
    statements_.insert(
        sql::kTombstones, tombstones,
        [](const core::Tombstone& tombstone, auto& sink) { write_tombstone(tombstone, sink); });
  }
  std::vector<std::string> workspaces() override {
    std::vector<std::string> names;
    statements_.visit(
        sql::workspaces(Statements::kDialect),
        [](const auto& row) { return std::string(row.text(0)); },
        [&](std::string name) { return (names.push_back(std::move(name)), true); });
    return names;
  }

  core::Policy find_policy(const std::string& workspace) override {
    core::Policy policy{.workspace = workspace};
    statements_.visit(
        sql::find_policy(Statements::kDialect, workspace),
        [](const auto& row) { return std::string(row.text(0)); },
        [&](const std::string& rules) {
          policy = core::policy_from_json(rules, workspace);
          return false;
        });
    return policy;
  }
  void set_policy(const core::Policy& policy) override {
    statements_.run(sql::set_policy(Statements::kDialect, policy));
  }

  std::vector<core::Token> find_tokens(std::span<const core::TokenId> ids) override {
    static const std::string text = sql::find_tokens(Statements::kDialect, "id");
    return statements_.template find<core::Token>(text, ids, kReadToken);
  }
  std::vector<core::Token> find_tokens(std::span<const core::CredentialHash> hashes) override {
    static const std::string text = sql::find_tokens(Statements::kDialect, "hash");
    return statements_.template find<core::Token>(text, hashes, kReadToken);
  }
  void scan_tokens(const std::optional<std::string>& workspace, Order order,
                   const std::function<bool(const core::Token&)>& visit) override {
    statements_.visit(sql::scan_tokens(Statements::kDialect, workspace, order), kReadToken, visit);
  }
  std::vector<core::Token> trusts() override {
    std::vector<core::Token> trusts;
    statements_.visit(sql::trusts(Statements::kDialect), kReadToken,
                      [&](const core::Token& trust) { return (trusts.push_back(trust), true); });
    return trusts;
  }
  void insert(std::span<const core::Token> tokens) override {
    statements_.insert(sql::kTokens, tokens,
                       [](const core::Token& token, auto& sink) { write_token(token, sink); });
  }
  void revoke(std::span<const core::Token> tokens) override {
    statements_.update(sql::kTokens, tokens, [](const core::Token& token, auto& sink) {
      sink("revoked_at", token.revoked_at);
    });
  }

  void scan_audit(const core::AuditFilter& filter, Order order,
                  const std::function<bool(const core::AuditEntry&)>& visit) override {
    statements_.visit(
        sql::scan_audit(Statements::kDialect, filter, order),
        [](const auto& row) { return read_audit_entry(row); }, visit);
  }
  void append(std::span<const core::AuditEntry> entries) override {
    statements_.insert(sql::kAuditLog, entries, [](const core::AuditEntry& entry, auto& sink) {
      write_audit_entry(entry, sink);
    });
  }

  void sum_usage(const core::UsageQuery& query, const core::UsageSpan& span,
                 const std::function<void(const core::UsageRow&)>& visit) override {
    for (const auto& sum : sql::sum_usage(Statements::kDialect, query, span)) {
      // The endpoint of a count refers to its row, so it is visited before that is left.
      const auto read = [&](const auto& row) {
        core::UsageRow count = read_count(row, sum.first);
        if (query.by == core::Grouping::key) {
          count.key = core::KeyId(row.number(4).value_or(0));
        }
        visit(count);
        return true;
      };
      statements_.visit(sum.second, read, [](bool goes_on) { return goes_on; });
    }
  }
  void scan_peaks(core::KeyId key, core::Time since,
                  const std::function<void(const core::Peak&)>& visit) override {
    const auto read = [](const auto& row) {
      return core::Peak{.hour = core::Time(std::chrono::hours(row.number(0).value_or(0))),
                        .window_seconds = static_cast<std::uint64_t>(row.number(1).value_or(0)),
                        .requests = static_cast<std::uint64_t>(row.number(2).value_or(0))};
    };
    statements_.visit(sql::scan_peaks(Statements::kDialect, key, since), read,
                      [&](const core::Peak& peak) { return (visit(peak), true); });
  }
  std::vector<core::KeyPeak> highest_peaks(std::span<const core::KeyId> keys,
                                           core::Time since) override {
    static const std::string text = sql::highest_peaks(Statements::kDialect);
    return statements_.template find<core::KeyPeak>(text, keys, kReadHighest, hours_of(since));
  }
  std::vector<core::KeyId> keys_to_fold(core::KeyId first, core::Time cutoff) override {
    std::vector<core::KeyId> keys;
    statements_.visit(
        sql::keys_to_fold(Statements::kDialect, first, cutoff),
        [](const auto& row) { return core::KeyId(row.number(0).value_or(0)); },
        [&](core::KeyId key) { return (keys.push_back(key), true); });
    return keys;
  }
  std::optional<core::Time> last_folded_day() override {
    std::optional<core::Time> day;
    statements_.visit(
        sql::last_folded_day(Statements::kDialect), [](const auto& row) { return row.number(0); },
        [&](const std::optional<std::int64_t>& days) {
          if (days) {
            day = core::Time(std::chrono::days(*days));
          }
          return false;
        });
    return day;
  }

  void put_part(core::ImportId id, std::uint32_t number, std::string_view lines,
                core::Time now) override {
    statements_.run(sql::put_part(Statements::kDialect, id, number, lines, now));
  }
  std::optional<std::string> find_part(core::ImportId id, std::uint32_t number) override {
    std::optional<std::string> part;
    statements_.visit(
        sql::find_part(Statements::kDialect, id, number),
        [](const auto& row) { return row.bytes(0); },
        [&](std::string lines) { return (part = std::move(lines), false); });
    return part;
  }
  void delete_parts(core::ImportId id, std::uint32_t first, std::uint32_t end) override {
    statements_.run(sql::delete_parts(Statements::kDialect, id, first, end));
  }
  std::vector<PartName> old_parts(core::Time time, std::size_t max) override {
    std::vector<PartName> parts;
    statements_.visit(
        sql::old_parts(Statements::kDialect, time, max),
        [](const auto& row) { return read_part_name(row); },
        [&](PartName part) { return (parts.push_back(part), true); });
    return parts;
  }

  std::vector<AcceptedImport> accepted_imports() override {
    std::vector<AcceptedImport> imports;
    sql::Query query = sql::accepted_imports(Statements::kDialect);
    query.is_selective = true;
    statements_.visit(
        query, [](const auto& row) { return read_accepted_import(row); },
        [&](AcceptedImport import) { return (imports.push_back(std::move(import)), true); });
    return imports;
  }
  void insert(std::span<const AcceptedImport> imports) override {
    statements_.insert(sql::kImports, imports, [](const AcceptedImport& import, auto& sink) {
      write_accepted_import(import, sink);
    });
  }
  void update(std::span<const AcceptedImport> imports) override {
    statements_.update(sql::kImports, imports, [](const AcceptedImport& import, auto& sink) {
      write_progress(import, sink);
    });
  }
  void delete_imports_before(core::Time time) override {
    statements_.run(sql::delete_imports_before(Statements::kDialect, time));
  }

 protected:
  Statements& statements() { return statements_; }

 private:
  static constexpr auto kReadKey = [](const auto& row) { return read_key(row); };
  static constexpr auto kReadToken = [](const auto& row) { return read_token(row); };
  static constexpr auto kReadHighest = [](const auto& row) {
    const std::int64_t highest = row.number(2).value_or(0);
    core::KeyPeak peak;
    peak.key = core::KeyId(row.number(0).value_or(0));
    peak.window_seconds = static_cast<std::uint64_t>(row.number(1).value_or(0));
    peak.requests = static_cast<std::uint64_t>(highest / sql::kPeakUnit);
    peak.hour = core::Time(std::chrono::hours(highest % sql::kPeakUnit));
    peak.hours = static_cast<std::uint64_t>(row.number(3).value_or(0));
    return peak;
  };

  Statements statements_;
};

}  // namespace nexakey::store
