#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/audit.h"
#include "core/id.h"
#include "core/ids_of.h"
#include "core/key.h"
#include "core/key_filter.h"
#include "core/peaks.h"
#include "core/policy.h"
#include "core/purge.h"
#include "core/record.h"
#include "core/token.h"
#include "core/usage.h"
#include "store/accepted_import.h"
#include "store/audit_point.h"

namespace nexakey::store {

enum class Order { newest_first, oldest_first };

/// The maximum number of keys that `Tables::keys_to_fold` returns.
inline constexpr std::size_t kKeysToFold = 50;

/// A part of an import: the import, and its number.
using PartName = std::pair<core::ImportId, std::uint32_t>;

/// The rows of a store within one transaction. A backend implements this interface, which contains
/// no rules; those are in store/*_rules.h. A call takes many rows, so that a remote engine needs
/// one round trip. Errors are exceptions of the backend.
///
/// Rows that cannot be decoded are returned with their damage (core/key.h, core/token.h) and never
/// fail a call, so that a damaged row affects its own key only.
class Tables {
 public:
  Tables() = default;
  Tables(const Tables&) = delete;
  Tables& operator=(const Tables&) = delete;
  virtual ~Tables() = default;

  /// The keys that have one of these ids or hashes, in any order.
  virtual std::vector<core::Key> find_keys(std::span<const core::KeyId> ids) = 0;
  virtual std::vector<core::Key> find_keys(std::span<const core::KeyHash> hashes) = 0;
  /// Those of these ids that keys have, in any order.
  virtual std::vector<core::KeyId> existing(std::span<const core::KeyId> ids) {
    return core::ids_of(find_keys(ids));
  }
  /// The keys that have one of these ids or one of these hashes, each once, in any order.
  virtual std::vector<core::Key> find_by_either(std::span<const core::KeyId> ids,
                                                std::span<const core::KeyHash> hashes) {
    std::vector<core::Key> found = find_keys(ids);
    for (core::Key& key : find_keys(hashes)) {
      if (std::ranges::find(found, key.id, &core::Key::id) == found.end()) {
        found.push_back(std::move(key));
      }
    }
    return found;
  }
  /// Calls `visit` with at least the keys that `filter` matches, in the order of their creation,
  /// from the one after `after` on, until it returns false.
  virtual void scan_keys(const core::KeyFilter& filter, const std::optional<core::KeyId>& after,
                         Order order, const std::function<bool(core::Key&&)>& visit) = 0;
  /// Adds keys, in this order. In an import, a key may refer to one that is added later.
  virtual void insert(std::span<const core::Key> keys) = 0;
  /// Writes every column of keys that can change.
  virtual void update(std::span<const core::Key> keys) = 0;
  /// Writes only the columns of the revocation, so that keys with damage can be revoked.
  virtual void revoke(std::span<const core::Key> keys) = 0;
  /// Sets when keys were last used, unless they never were.
  virtual void set_last_used(std::span<const core::Key> keys) = 0;
  /// The keys that were rotated from one of these, in any order.
  virtual std::vector<core::Key> successors_of(std::span<const core::KeyId> ids) = 0;
  /// The keys that one of these has superseded, in any order.
  virtual std::vector<core::Key> predecessors_of(std::span<const core::KeyId> ids) = 0;
  /// Calls `visit` with each key that was rotated from a key, from its successors, and so on, in
  /// any order, until it returns false.
  virtual void scan_line(core::KeyId first, const std::function<bool(const core::Key&)>& visit) = 0;
  /// Writes only the keys that keys were rotated from and to.
  virtual void relink(std::span<const core::Key> keys) = 0;
  /// Removes keys that no other key refers to, and when they were last used.
  virtual void remove(std::span<const core::KeyId> ids) = 0;
  /// The tombstones that have the id or the hash of one of these keys, in any order.
  virtual std::vector<core::Tombstone> find_tombstones(std::span<const core::Key> keys) = 0;
  virtual void scan_tombstones(const std::function<bool(const core::Tombstone&)>& visit) = 0;
  virtual void insert(std::span<const core::Tombstone> tombstones) = 0;
  /// The names of the workspaces that have keys, sorted by bytes.
  virtual std::vector<std::string> workspaces() = 0;

  /// The policy of a workspace; without rules, if there is none.
  virtual core::Policy find_policy(const std::string& workspace) = 0;
  /// Replaces the policy of a workspace; removes one without rules.
  virtual void set_policy(const core::Policy& policy) = 0;

  /// The tokens that have one of these ids or hashes, in any order.
  virtual std::vector<core::Token> find_tokens(std::span<const core::TokenId> ids) = 0;
  virtual std::vector<core::Token> find_tokens(std::span<const core::CredentialHash> hashes) = 0;
  /// Calls `visit` with each token, or with those that are bound to a workspace, in the order of
  /// their creation, until it returns false.
  virtual void scan_tokens(const std::optional<std::string>& workspace, Order order,
                           const std::function<bool(const core::Token&)>& visit) = 0;
  /// The trusts that are not revoked, newest first. A process that only decides may ask for them.
  virtual std::vector<core::Token> trusts() = 0;
  virtual void insert(std::span<const core::Token> tokens) = 0;
  virtual void revoke(std::span<const core::Token> tokens) = 0;

  /// The last entry of the audit log. In a write transaction, locks the log until its end.
  virtual core::AuditHead audit_head() = 0;
  /// Calls `visit` with at least the entries that `filter` matches, by number, until it returns
  /// false. Does not look at `filter.last`.
  virtual void scan_audit(const core::AuditFilter& filter, Order order,
                          const std::function<bool(const core::AuditEntry&)>& visit) = 0;
  /// The id of the store, and the hash of the entry with this number. A process that only decides
  /// may ask for it.
  virtual AuditPoint audit_point(std::int64_t number) = 0;
  /// Adds entries to the log, as they are. The last entry of the log is that with the highest
  /// number: an import adds the last entry of its log first.
  virtual void append(std::span<const core::AuditEntry> entries) = 0;

  /// Calls `visit` with sums of the counts in `span` of the keys that `query` is about, by time,
  /// endpoint and status.
  virtual void sum_usage(const core::UsageQuery& query, const core::UsageSpan& span,
                         const std::function<void(const core::UsageRow&)>& visit) = 0;
  /// Calls `visit` with the peaks of a key, one for each hour from that of `since` on and each
  /// window, in any order.
  virtual void scan_peaks(core::KeyId key, core::Time since,
                          const std::function<void(const core::Peak&)>& visit) = 0;
  /// The highest of these peaks of each of several keys and each window, in any order.
  virtual std::vector<core::KeyPeak> highest_peaks(std::span<const core::KeyId> keys,
                                                   core::Time since) = 0;
  /// Calls `visit` with each count, or with those of one workspace, in the order of an export
  /// (core/record.h), until it returns false.
  virtual void scan_usage(const std::optional<std::string>& workspace,
                          const std::function<bool(const core::KeyUsage&)>& visit) = 0;
  /// The requests that are counted in each of these rows, in their order; 0 where there is no row.
  /// Those of a day include its hours.
  virtual std::vector<std::uint64_t> counts_of(std::span<const core::KeyUsage> rows) = 0;
  /// Sets the requests of rows, and adds those that do not exist. A row for a day replaces those of
  /// its hours.
  virtual void set_counts(std::span<const core::KeyUsage> rows) = 0;
  /// The last day that has folded counts.
  virtual std::optional<core::Time> last_folded_day() = 0;
  /// The first keys, by id from `first` on, that have counts or peaks of hours before `cutoff`, the
  /// beginning of a day; at most `kKeysToFold`.
  virtual std::vector<core::KeyId> keys_to_fold(core::KeyId first, core::Time cutoff) = 0;
  /// Folds counts of these keys before `cutoff` into days, at most `max_rows` of them. Deletes the
  /// peaks of these hours. Returns how many rows it folded.
  virtual std::size_t fold_usage(std::span<const core::KeyId> keys, core::Time cutoff,
                                 std::size_t max_rows) = 0;

  /// Deletes counts and peaks of these keys, at most `max_rows` of them. Returns how many it
  /// deleted.
  virtual std::size_t delete_usage(std::span<const core::KeyId> keys, std::size_t max_rows) = 0;

  /// Adds a part of an import, or replaces an earlier one with its number.
  virtual void put_part(core::ImportId id, std::uint32_t number, std::string_view lines,
                        core::Time now) = 0;
  virtual std::optional<std::string> find_part(core::ImportId id, std::uint32_t number) = 0;
  /// Deletes the parts from number `first` on, up to the one before `end`.
  virtual void delete_parts(core::ImportId id, std::uint32_t first, std::uint32_t end) = 0;
  /// At most `max` parts that are older than `time`, except those of unfinished imports.
  virtual std::vector<PartName> old_parts(core::Time time, std::size_t max) = 0;

  /// The imports that were accepted, oldest first.
  virtual std::vector<AcceptedImport> accepted_imports() = 0;
  virtual void insert(std::span<const AcceptedImport> imports) = 0;
  virtual void update(std::span<const AcceptedImport> imports) = 0;
  /// Deletes those that were finished before `time`.
  virtual void delete_imports_before(core::Time time) = 0;
};

}  // namespace nexakey::store
