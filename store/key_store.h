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
#include "core/record.h"
#include "core/rotation.h"
#include "core/token.h"
#include "core/usage.h"

namespace nexakey::store {

using core::Result;

/// How a key is put into a store.
enum class CreateMode {
  always,
  unless_named,  ///< not if an active key of the same name is in the workspace
};

/// Which part of a list is wanted.
struct Page {
  std::size_t limit = SIZE_MAX;        ///< at most so many keys
  std::optional<core::KeyId> after{};  ///< from behind this one on; a `next` of the page before
};

/// Whether a verification leaves a trace.
enum class Counting {
  counted,
  dry_run,  ///< takes no room in a window and counts nothing
};

/// What is known of a decision besides the decision.
struct Verification {
  core::Decision decision;
  std::vector<core::Check> checks;  ///< when they were asked for
};

struct VerifyOptions {
  Counting counting = Counting::counted;
  bool explain = false;
};

/// How many keys one transaction of a change, or one request to a server, takes at most.
inline constexpr std::size_t kMaxAtOnce = 500;

/// The changes of keys and tokens. `KeyStore::as` is the only way to them, so that no change is
/// made without an actor.
///
/// A change that returns a value is on the disk and survives a power cut; a change that returns an
/// error was not made. Every change of keys and tokens writes its entry to the
/// audit log, in one transaction with it: a rotation two, the `create` of the successor and the
/// `rotate` of the key. What changes nothing writes none.
class Changes {
 public:
  Changes() = default;
  Changes(const Changes&) = delete;
  Changes& operator=(const Changes&) = delete;
  virtual ~Changes() = default;

  /// Adds a key, and returns it as the store has it. The same key once more changes nothing;
  /// another key with the same id or hash is a `conflict`; a rotation from or to a key that is not
  /// there is `not_found`. With `unless_named`, an active key of that name is returned in place of
  /// `key`, which then is not added.
  virtual Result<core::Key> create(const core::Key& key, CreateMode mode, core::Time now) = 0;

  /// Changes a key as core::apply does, and returns it; nothing if there is no such key.
  virtual Result<std::optional<core::Key>> update(core::KeyId id, const core::KeyChange& change,
                                                  core::Time now) = 0;

  /// Revokes keys, also damaged ones. A key that is revoked already keeps its time and reason. No
  /// verification that starts after a key was passed to `visit` admits it, in any process.
  ///
  /// Up to `kMaxAtOnce` ids are one transaction: if one key does not exist (`not_found`), none is
  /// revoked. More ids are all looked up first (`not_found`: none is revoked) and then revoked in
  /// transactions of at most `kMaxAtOnce` keys, between which other writers get their turn.
  /// `visit` is called after each transaction with its keys, in the order of `ids`; if it returns
  /// false, the rest is not revoked. An error after the first transaction says how many keys were
  /// revoked; the same call again revokes the rest.
  virtual Result<void> revoke(std::span<const core::KeyId> ids, const std::string& reason,
                              core::Time now,
                              const std::function<bool(std::span<const core::Key>)>& visit) = 0;
  /// The same; returns the keys, in the order of `ids`.
  Result<std::vector<core::Key>> revoke(std::span<const core::KeyId> ids, const std::string& reason,
                                        core::Time now);

  /// Gives a key a successor as core::rotate does, both in one transaction, and returns them;
  /// nothing if there is no such key. The same rotation once more changes nothing and returns the
  /// two as they are; another key with the id or hash of the successor is a `conflict`.
  virtual Result<std::optional<core::Rotated>> rotate(core::KeyId id,
                                                      const core::Rotation& rotation,
                                                      core::Time now) = 0;

  /// Adds a token, and returns it as the store has it. The same token once more changes nothing;
  /// another token with the same id or hash is a `conflict`.
  virtual Result<core::Token> create_token(const core::Token& token) = 0;

  /// Revokes all of the tokens or, if one does not exist (`not_found`), none. One that is revoked
  /// already keeps its time. Returns the tokens, in the order of `ids`.
  virtual Result<std::vector<core::Token>> revoke_tokens(std::span<const core::TokenId> ids,
                                                         core::Time now) = 0;

  /// Keeps a part of an import until it is committed; the same part once more takes the place of
  /// the first. Nothing but `commit_import` ever sees it. Parts that are older than a day are those
  /// of imports that died: they go when another one comes.
  virtual Result<void> stage_import(core::ImportId id, std::uint32_t number, std::string_view lines,
                                    core::Time now) = 0;

  /// Brings what the parts from 0 on are together into the store, whole or not at all: records
  /// that it does not have are added, those that it has stay, with the larger of two counts and
  /// the later of two last uses. A key or token that stands against one of the store is a conflict:
  /// then the summary tells the conflicts, and nothing is done. So the same import again changes
  /// nothing. A store without an audit log takes over that of the import; any other one gets an
  /// `import` entry if anything changed. What is no whole export is a `usage` error, a part that is
  /// not there `not_found`. However it ends, the parts are gone.
  virtual Result<core::ImportSummary> commit_import(core::ImportId id, std::uint32_t parts,
                                                    const core::ImportOptions& options,
                                                    core::Time now) = 0;
};

/// Where keys are kept. This is the specification of a store; each backend passes the suite in
/// tests/store that checks it.
///
/// Absent is not an error: it is an empty optional or list. Not being able to tell is always one
/// (`store_unavailable`), so that no failure of a store ever looks like a missing key. Changes are
/// made through `as`; nothing else writes to the audit log.
///
/// A store object is for one thread at a time. Any number of them, in any number of processes, may
/// use the same store.
class KeyStore : protected Changes {
 public:
  KeyStore() = default;
  KeyStore(const KeyStore&) = delete;
  KeyStore& operator=(const KeyStore&) = delete;
  ~KeyStore() override = default;

  /// The changes that `actor` makes to this store, for the audit log; a remote store logs the
  /// holder of its token instead. Valid until the next call, and no longer than the store.
  Changes& as(core::Actor actor) {
    actor_ = std::move(actor);
    return *this;
  }

  /// Calls `visit` with each key that `filter` matches, newest first, until it returns false.
  /// Needs no more memory for many keys than for one. Returns the `after` for the next page, if
  /// there is more behind this one.
  virtual Result<std::optional<core::KeyId>> list(
      const core::KeyFilter& filter, const Page& page, core::Time now,
      const std::function<bool(const core::Key&)>& visit) = 0;

  /// The keys with these ids, in their order; nothing in the place of one that does not exist.
  virtual Result<std::vector<std::optional<core::Key>>> find(std::span<const core::KeyId> ids) = 0;
  /// The keys with these hashes, in their order; nothing in the place of one that does not exist.
  virtual Result<std::vector<std::optional<core::Key>>> find(
      std::span<const core::KeyHash> hashes) = 0;

  /// Decides each request, in order, as core::decide does, by the state of the store at some
  /// moment after the call began, and counts it. A decision that is returned is counted: no death
  /// of a process loses it. An error means no for all of the requests, though some of them may
  /// have been counted.
  virtual Result<std::vector<Verification>> verify(std::span<const core::Request> requests,
                                                   const VerifyOptions& options) = 0;

  /// The decisions about known keys so far.
  virtual Result<core::UsageReport> usage(const core::UsageQuery& query, core::Time now) = 0;

  /// Counts upstream responses to requests that were admitted. Responses that name a key which the
  /// store does not have, or not in the workspace that they name, are dropped. As with `verify`,
  /// what is counted survives.
  virtual Result<void> record_responses(std::span<const core::UpstreamResponse> responses) = 0;

  /// The names of the workspaces that have keys, sorted.
  virtual Result<std::vector<std::string>> workspaces() = 0;

  /// All tokens, newest first.
  virtual Result<std::vector<core::Token>> tokens() = 0;

  /// Calls `visit` with each entry of the audit log that `filter` matches, oldest first, at most
  /// `limit` of them, until it returns false. Needs no more memory for many than for one. Returns
  /// the `after` for the next page, if there is more behind this one.
  virtual Result<std::optional<std::int64_t>> audit(
      const core::AuditFilter& filter, std::size_t limit,
      const std::function<bool(const core::AuditEntry&)>& visit) = 0;

  /// The last entry of the audit log.
  virtual Result<core::AuditHead> audit_head() = 0;

  /// Calls `visit` with all that makes the store, or one workspace of it, as it is at one moment:
  /// in the order of an export (core/record.h), until `visit` returns false. Needs no more memory
  /// for many records than for one. Of a workspace these are its keys with their usage, and the
  /// tokens that are bound to it.
  virtual Result<void> export_records(const std::optional<std::string>& workspace,
                                      const std::function<bool(const core::Record&)>& visit) = 0;

 protected:
  [[nodiscard]] const core::Actor& actor() const { return actor_; }

 private:
  core::Actor actor_;
};

}  // namespace nexakey::store
