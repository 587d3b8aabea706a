#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/audit.h"
#include "core/decision.h"
#include "core/import.h"
#include "core/key.h"
#include "core/key_filter.h"
#include "core/peaks.h"
#include "core/policy.h"
#include "core/purge.h"
#include "core/record.h"
#include "core/rotation.h"
#include "core/token.h"
#include "core/usage.h"
#include "core/whoami.h"

namespace nexakey::store {

using core::Result;

/// Whether `create` adds a key.
enum class CreateMode {
  always,
  unless_named,  ///< not if the workspace has an active key of the same name
  unique,        ///< not if the workspace has a key of the same name that has not ended
};

/// A part of a list.
struct Page {
  std::size_t limit = SIZE_MAX;        ///< the maximum number of keys
  std::optional<core::KeyId> after{};  ///< begins after this key; see `list`
};

/// Whether a verification is counted.
enum class Counting {
  counted,
  dry_run,  ///< takes no room in a window and counts nothing
};

/// A decision and how it was made.
struct Verification {
  core::Decision decision;
  std::vector<core::Check> checks;  ///< with VerifyOptions::explain
};

struct VerifyOptions {
  Counting counting = Counting::counted;
  bool explain = false;
};

/// The maximum number of keys in one transaction of a change, or in one request to a server.
inline constexpr std::size_t kMaxAtOnce = 500;

/// What a step of a purge did.
struct PurgeStep {
  std::vector<core::KeyId> purged;  ///< or, in a dry run, would have been
  std::size_t done = 0;             ///< so many of the ids, from the first on, need no further step
};

/// The changes of a store. `KeyStore::as` is the only access to them, so that each has an actor.
///
/// A change that returns a value is on disk and survives a power cut. One that returns an error was
/// not made, unless the error is `outcome_unknown`; making the same change again is safe then.
/// Every change of a key or token appends an entry to the audit log in the same transaction; a
/// rotation appends two, the `create` of the successor and the `rotate` of the key. A call that
/// changes nothing appends none.
///
/// A change of a key that its workspace's policy does not allow is a `conflict`: the policy is read
/// in the transaction of the change (core/policy.h).
class Changes {
 public:
  Changes() = default;
  Changes(const Changes&) = delete;
  Changes& operator=(const Changes&) = delete;
  virtual ~Changes() = default;

  /// Adds a key and returns it as stored. Adding the same key again changes nothing. With
  /// `unless_named`, returns an active key of the same name, if there is one, and does not add
  /// `key`. Errors: `conflict`, if another key has the same id or hash, or a purged key had it, or,
  /// with `unique`, if the name refers to another key already; `not_found`, if the key was rotated
  /// from or to one that does not exist.
  virtual Result<core::Key> create(const core::Key& key, CreateMode mode, core::Time now) = 0;

  /// Changes a key as core::apply does and returns it; empty if the key does not exist.
  virtual Result<std::optional<core::Key>> update(core::KeyId id, const core::KeyChange& change,
                                                  core::Time now) = 0;

  /// Revokes keys, including damaged ones. A key that is revoked already keeps its time and reason.
  /// No verification that starts after a key was passed to `visit` admits it, in any process.
  ///
  /// If a key does not exist (`not_found`), none is revoked. Up to `kMaxAtOnce` ids are revoked in
  /// one transaction. More are looked up first, and then revoked in transactions of a tenth of a
  /// second, between which other writers get their turn. `visit` is called after each
  /// transaction with its keys, in the order of `ids`; if it returns false, the rest is not
  /// revoked. An error after the first transaction says how many keys were revoked; the same call
  /// again revokes the rest.
  virtual Result<void> revoke(std::span<const core::KeyId> ids, const std::string& reason,
                              core::Time now,
                              const std::function<bool(std::span<const core::Key>)>& visit) = 0;
  /// The same, but returns the keys, in the order of `ids`.
  Result<std::vector<core::Key>> revoke(std::span<const core::KeyId> ids, const std::string& reason,
                                        core::Time now);

  /// Gives a key a successor as core::rotate does, in one transaction, and returns both; empty if
  /// the key does not exist. The same rotation again changes nothing and returns both as they are.
  /// Error: `conflict`, if another key has the id or hash of the successor, or a purged key had it.
  virtual Result<std::optional<core::Rotated>> rotate(core::KeyId id,
                                                      const core::Rotation& rotation,
                                                      core::Time now) = 0;

  /// Removes those of these keys that `options` select, with their usage. Leaves out keys that do
  /// not exist, and the first key of a line of rotations as long as a key of the line has not
  /// ended. The audit log keeps its entries, and the keys that a purged key was rotated from and to
  /// are joined. Keeps the id and the hash of a purged key: it is never added again, by `create`,
  /// `rotate` or an import.
  ///
  /// A step is one transaction, which removes at most `kMaxAtOnce` rows of keys and counts; a key
  /// with more counts takes several. `purge` takes steps until all ids are done, and lets other
  /// writers get their turn between them. `visit` is called after each step with the keys that it
  /// purged; if it returns false, the rest is not purged. An error after the first step says how
  /// many ids are done; the same call again does the rest.
  virtual Result<PurgeStep> purge_step(std::span<const core::KeyId> ids,
                                       const core::PurgeOptions& options, core::Time now) = 0;
  Result<void> purge(std::span<const core::KeyId> ids, const core::PurgeOptions& options,
                     core::Time now,
                     const std::function<bool(std::span<const core::KeyId>)>& visit);

  /// Replaces the policy of a workspace, without looking at its keys, and returns the previous one.
  /// A policy without rules is removed.
  virtual Result<core::Policy> set_policy(const core::Policy& policy, core::Time now) = 0;

  /// Adds a token and returns it as stored. Adding the same token again changes nothing. Error:
  /// `conflict`, if another token has the same id or hash.
  virtual Result<core::Token> create_token(const core::Token& token) = 0;

  /// Revokes all of the tokens or, if one does not exist (`not_found`), none. A token that is
  /// revoked already keeps its time. Returns the tokens, in the order of `ids`.
  virtual Result<std::vector<core::Token>> revoke_tokens(std::span<const core::TokenId> ids,
                                                         core::Time now) = 0;

  /// Keeps a part of an import for `commit_import`, in place of an earlier part with its number.
  /// Parts older than a day, which interrupted imports left, are deleted by maintenance and by
  /// other imports.
  virtual Result<void> stage_import(core::ImportId id, std::uint32_t number, std::string_view lines,
                                    core::Time now) = 0;

  /// Imports the export in the parts with the numbers below `parts`, completely or not at all
  /// (store/import.h). Adds the records that the store does not have. Of those that it has, it
  /// keeps the larger of two counts and the later of two last uses. A key or token that differs
  /// from the one in the store is a conflict, and so is a key that was purged, or a new one that
  /// has not ended and that the policy of its workspace does not allow: then nothing is changed,
  /// and the summary lists the conflicts. The same import again changes nothing. A store with an
  /// empty audit log takes over that of the import; any other appends an `import` entry if anything
  /// changed. The parts are deleted in any case. Errors: `usage` for an incomplete export,
  /// `not_found` for a missing part.
  ///
  /// Others change the store between the steps of an import that was checked and accepted. Records
  /// that conflict with such a change are left out: the summary lists them beside what was done.
  /// After an error of a step, the import is certain, and another process or the same call, which
  /// returns its summary for a day, finishes it.
  virtual Result<core::ImportSummary> commit_import(core::ImportId id, std::uint32_t parts,
                                                    const core::ImportOptions& options,
                                                    core::Time now) = 0;
};

/// A store of keys. This interface is the specification of a store; each backend passes the
/// conformance suite in tests/store.
///
/// What does not exist is not an error but an empty optional or list. A store that cannot tell
/// returns `store_unavailable`, so that a failure never looks like a missing key. Changes are made
/// through `as`; nothing else writes to the audit log.
///
/// Only one thread at a time may use a KeyStore object. Any number of objects, in any number of
/// processes, may use the same store.
class KeyStore : protected Changes {
 public:
  KeyStore() = default;
  KeyStore(const KeyStore&) = delete;
  KeyStore& operator=(const KeyStore&) = delete;
  ~KeyStore() override = default;

  /// The changes of this store by `actor`, whom the audit log names; a remote store logs the holder
  /// of its token instead. Valid until the next call of `as`, and no longer than the store.
  Changes& as(core::Actor actor) {
    actor_ = std::move(actor);
    return *this;
  }

  /// Calls `visit` with each key that `filter` matches, newest first, until it returns false. Needs
  /// no more memory for many keys than for one. Returns the `after` of the next page, if there is
  /// one.
  virtual Result<std::optional<core::KeyId>> list(
      const core::KeyFilter& filter, const Page& page, core::Time now,
      const std::function<bool(const core::Key&)>& visit) = 0;

  /// The keys with these ids, in the same order; empty in the place of one that does not exist.
  virtual Result<std::vector<std::optional<core::Key>>> find(std::span<const core::KeyId> ids) = 0;
  /// The keys with these hashes, in the same order; empty in the place of one that does not exist.
  virtual Result<std::vector<std::optional<core::Key>>> find(
      std::span<const core::KeyHash> hashes) = 0;

  /// Decides each request, in order, as core::decide does, by the state of the store at some moment
  /// after the call began, and counts it. A decision that is returned has been counted, and no
  /// crash of a process loses it. An error denies all of the requests, though some may have been
  /// counted.
  ///
  /// A dry run may name keys by their ids. Its decision is the one about the secret. Errors:
  /// `not_found`, if a key does not exist in the workspace of the request; `usage`, if the requests
  /// are to be counted.
  virtual Result<std::vector<Verification>> verify(std::span<const core::Request> requests,
                                                   const VerifyOptions& options) = 0;

  /// The counts of decisions and upstream responses that `query` selects.
  virtual Result<core::UsageReport> usage(const core::UsageQuery& query, core::Time now) = 0;

  /// The highest peaks of sliding windows that `query` selects. Those of one key that does not
  /// exist are none.
  virtual Result<core::PeakReport> peaks(const core::PeakQuery& query, core::Time now) = 0;

  /// Counts upstream responses to admitted requests. Drops those whose key the store does not have
  /// in the workspace that they name. The counts are as durable as those of `verify`.
  virtual Result<void> record_responses(std::span<const core::UpstreamResponse> responses) = 0;

  /// The policy of a workspace; without rules, if there is none.
  virtual Result<core::Policy> policy(const std::string& workspace) = 0;

  /// The names of the workspaces that have keys, sorted.
  virtual Result<std::vector<std::string>> workspaces() = 0;

  /// All tokens, newest first.
  virtual Result<std::vector<core::Token>> tokens() = 0;

  /// Calls `visit` with each entry of the audit log that `filter` selects, oldest first, at most
  /// `limit` of them, until it returns false. Needs no more memory for many entries than for one.
  /// Returns the `after` of the next page, if there is one. What is `last` is known when the call
  /// begins: entries that are appended later are not part of it, but may be of the next pages.
  virtual Result<std::optional<std::int64_t>> audit(
      const core::AuditFilter& filter, std::size_t limit,
      const std::function<bool(const core::AuditEntry&)>& visit) = 0;

  /// The last entry of the audit log.
  virtual Result<core::AuditHead> audit_head() = 0;

  /// Who this client is to the server of the store; nothing for a store without a server. Error:
  /// `not_found`, if the server is of an earlier version, which does not tell.
  virtual Result<std::optional<core::Whoami>> whoami() { return std::optional<core::Whoami>(); }

  /// The number of imports that were accepted and are not finished; nothing if the store cannot
  /// tell, because it is behind a server.
  virtual Result<std::optional<std::size_t>> unfinished_imports() {
    return std::optional<std::size_t>();
  }

  /// Calls `visit` with all records of the store, or of one workspace, from one snapshot and in the
  /// order of an export (core/record.h), until it returns false. Needs no more memory for many
  /// records than for one. The records of a workspace are its keys, their usage, and the tokens
  /// that are bound to it.
  virtual Result<void> export_records(const std::optional<std::string>& workspace,
                                      const std::function<bool(const core::Record&)>& visit) = 0;

 protected:
  [[nodiscard]] const core::Actor& actor() const { return actor_; }

 private:
  core::Actor actor_;
};

}  // namespace nexakey::store
