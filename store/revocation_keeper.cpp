#include "store/revocation_keeper.h"

#include <algorithm>
#include <cerrno>
#include <map>
#include <system_error>
#include <utility>
#include <vector>

#include "store/change.h"
#include "store/owner.h"
#include "store/paging.h"

namespace nexakey::store {
namespace {

using core::Error;
using core::ErrorCode;
using core::Key;
using core::KeyId;
using core::Token;
using core::TokenId;

/// The reason of a revocation whose own reason the log does not have.
constexpr const char* kReason = "in the revocation log";

constexpr std::chrono::seconds kCheckPause{1};
/// A block without endings is written when the log is so many entries behind, so that they are not
/// read again each time.
constexpr std::int64_t kMaxGap = 1000;

/// Calls `work`, which uses the log and returns a Result. A process of root acts as the owner of
/// the log. Exceptions become `store_unavailable` errors.
template <typename Work>
auto with_log(const std::filesystem::path& path, const Work& work) -> decltype(work()) {
  try {
    const ActingAs owner(owner_for_root(path));
    return work();
  } catch (const StoreProblem& problem) {
    return core::fail(ErrorCode::store_unavailable, problem.what(), problem.hint);
  } catch (const std::system_error& error) {
    const bool is_denied = error.code() == std::errc::permission_denied;
    return core::fail(
        ErrorCode::store_unavailable,
        "cannot use the revocation log " + path.string() + ": " + error.code().message(),
        is_denied ? advice_for_denied(path) : "");
  }
}

Error older(const std::filesystem::path& path) {
  return {ErrorCode::store_unavailable,
          "the store is older than its revocation log " + path.string() +
              ": keys that were revoked since may be valid in it",
          "apply what it lacks with nexakey restore --check"};
}

Error of_another_store(const std::filesystem::path& path) {
  return {ErrorCode::store_unavailable,
          "the revocation log " + path.string() + " is that of another store",
          "set revocation_log to another file for this store"};
}

Result<AuditPoint> audit_point(Engine& engine, std::int64_t number) {
  AuditPoint point;
  return engine.read([&](Tables& tables) { point = tables.audit_point(number); }).map([&] {
    return point;
  });
}

/// A log that is open to be written for a store, and whether the store is older.
struct OpenLog {
  RevocationLog log;
  bool is_store_older = false;
};

Result<OpenLog> open_for(Engine& engine, const std::filesystem::path& path) {
  RevocationLog log = RevocationLog::open_to_append(path);
  const auto point = audit_point(engine, log.through().number);
  if (!point) {
    return tl::unexpected(point.error());
  }
  if (!log.store()) {
    log.begin(point->store);
  }
  if (*log.store() != point->store) {
    return tl::unexpected(of_another_store(path));
  }
  const bool is_older = !point->has(log.through());
  return OpenLog{.log = std::move(log), .is_store_older = is_older};
}

/// Appends what the entries of the audit log after `from` ended.
Result<void> append_after(Engine& engine, RevocationLog& log, core::AuditHead from) {
  EndingBlock block{.endings = {}, .through = from};
  auto listed = list_audit(engine, {.after = from.number}, [&](const auto& entry) {
    const std::vector<Ending> endings = endings_of(entry);
    if (block.endings.size() + endings.size() > kMaxEndings) {
      log.append(block);
      block.endings.clear();
    }
    block.endings.insert(block.endings.end(), endings.begin(), endings.end());
    // An import adds the last entry first. What comes between is written later.
    if (entry.number == block.through.number + 1) {
      block.through = {.number = entry.number, .hash = entry.hash};
    }
    return true;
  });
  if (!listed) {
    return listed;
  }
  const bool has_moved =
      from != log.through() || block.through.number - log.through().number >= kMaxGap;
  if (!block.endings.empty() || (has_moved && block.through != log.through())) {
    log.append(block);
  }
  return {};
}

/// Applies a block to the tables.
class Application {
 public:
  /// `with_expiries`: also shortens expiries.
  Application(Tables& tables, const EndingBlock& block, bool with_expiries) {
    std::vector<KeyId> key_ids;
    std::vector<TokenId> token_ids;
    for (const Ending& ending : block.endings) {
      if (const auto* const id = std::get_if<KeyId>(&ending.subject)) {
        key_ids.push_back(*id);
      } else {
        token_ids.push_back(std::get<TokenId>(ending.subject));
      }
    }
    for (Key& key : tables.find_keys(std::span<const KeyId>(key_ids))) {
      keys_.emplace(key.id, Changed<Key>{.before = key, .after = key});
    }
    for (Token& token : tables.find_tokens(std::span<const TokenId>(token_ids))) {
      tokens_.emplace(token.id, Changed<Token>{.before = token, .after = token});
    }
    for (const Ending& ending : block.endings) {
      if (ending.is_revocation || with_expiries) {
        apply(ending);
      }
    }
  }

  [[nodiscard]] const AppliedEndings& applied() const { return applied_; }
  [[nodiscard]] bool changes_anything() const { return applied_ != AppliedEndings(); }

  void write(Change& change) const {
    std::vector<Key> revoked;
    std::vector<Key> shortened;
    for (const auto& [id, key] : keys_) {
      const bool is_shortened = key.after.expires_at != key.before.expires_at;
      const bool is_revoked = key.after.revoked_at != key.before.revoked_at;
      if (is_shortened) {
        shortened.push_back(key.after);
      }
      if (is_revoked) {
        revoked.push_back(key.after);
      }
      if (is_shortened || is_revoked) {
        const auto action = is_revoked ? core::AuditAction::revoke : core::AuditAction::edit;
        change.log(*core::record_change(action, key.before, key.after));
      }
    }
    std::vector<Token> revoked_tokens;
    for (const auto& [id, token] : tokens_) {
      if (token.after.revoked_at != token.before.revoked_at) {
        revoked_tokens.push_back(token.after);
        change.log(core::record_revocation(token.before, token.after));
      }
    }
    if (!shortened.empty()) {
      change.tables.update(shortened);
    }
    if (!revoked.empty()) {
      change.tables.revoke(revoked);
    }
    if (!revoked_tokens.empty()) {
      change.tables.revoke(revoked_tokens);
    }
    change.write_log();
  }

 private:
  template <typename T>
  struct Changed {
    T before;
    T after;
  };

  void apply(const Ending& ending) {
    if (const auto* const id = std::get_if<KeyId>(&ending.subject)) {
      if (const auto found = keys_.find(*id); found != keys_.end()) {
        apply(ending, found->second.after);
      }
    } else if (const auto found = tokens_.find(std::get<TokenId>(ending.subject));
               found != tokens_.end() && !found->second.after.revoked_at) {
      found->second.after.revoked_at = ending.at;
      ++applied_.revoked_tokens;
    }
  }

  void apply(const Ending& ending, Key& key) {
    if (key.revoked_at) {
      return;
    }
    if (ending.is_revocation) {
      key.revoked_at = ending.at;
      key.revoke_reason = kReason;
      ++applied_.revoked_keys;
    } else if (key.damage.empty() && (!key.expires_at || ending.at < *key.expires_at)) {
      key.expires_at = ending.at;
      ++applied_.expired_earlier;
    }
  }

  std::map<KeyId, Changed<Key>> keys_;
  std::map<TokenId, Changed<Token>> tokens_;
  AppliedEndings applied_;
};

/// Applies a block in a transaction, if the store lacks any of it.
Result<AppliedEndings> apply_block(Engine& engine, const EndingBlock& block, bool with_expiries,
                                   const core::Actor& actor, core::Time now) {
  AppliedEndings applied;
  const auto looked = engine.view(
      [&](Tables& tables) { applied = Application(tables, block, with_expiries).applied(); });
  if (!looked || applied == AppliedEndings()) {
    return looked.map([&] { return applied; });
  }
  return engine
      .write(Purpose::revocation,
             [&](Tables& tables) {
               Change change(tables, actor, now);
               const Application application(tables, block, with_expiries);
               applied = application.applied();
               application.write(change);
               return application.changes_anything();
             })
      .map([&] { return applied; });
}

/// A part of a log: where its blocks end, the last one first.
using BlockEnds = std::vector<std::uint64_t>;

/// What a log has after the state of a store, and before.
struct Parts {
  BlockEnds missing;
  BlockEnds known;
  core::AuditHead last_known;
};

Result<Parts> divide(Engine& engine, const RevocationLog& log) {
  Parts parts;
  bool is_known = false;
  std::uint64_t end = log.end();
  while (const auto placed = log.block_before(end)) {
    const core::AuditHead& through = placed->block.through;
    if (!is_known) {
      const auto point = audit_point(engine, through.number);
      if (!point) {
        return tl::unexpected(point.error());
      }
      is_known = point->has(through);
      parts.last_known = is_known ? through : core::AuditHead();
    }
    (is_known ? parts.known : parts.missing).push_back(end);
    end = placed->begin;
  }
  return parts;
}

}  // namespace

Result<std::optional<RevocationKeeper::State>> RevocationKeeper::read_state() const {
  return with_log(path_, [&]() -> Result<std::optional<State>> {
    const auto log = RevocationLog::open(path_);
    return log ? std::optional(State{.store = *log->store(), .through = log->through()})
               : std::nullopt;
  });
}

Result<void> RevocationKeeper::check(Engine& engine, Use use) {
  const auto now = Clock::now();
  if (now < checked_until_) {
    return {};
  }
  const auto state = read_state();
  if (!state && !state_) {
    return use == Use::change ? Result<void>() : tl::unexpected(state.error());
  }
  // A log that cannot be read any more must not stop decisions.
  if (state && *state) {
    state_ = *state;
  }
  if (state_) {
    AuditPoint point;
    if (auto looked = engine.read_soon(
            [&](Tables& tables) { point = tables.audit_point(state_->through.number); });
        !looked) {
      return looked;
    }
    if (point.store != state_->store) {
      return tl::unexpected(of_another_store(path_));
    }
    if (!point.has(state_->through)) {
      return tl::unexpected(older(path_));
    }
  }
  checked_until_ = now + kCheckPause;
  return {};
}

Result<void> RevocationKeeper::write(Engine& engine) {
  return with_log(path_,
                  [&] {
                    return open_for(engine, path_).and_then([&](OpenLog opened) -> Result<void> {
                      if (opened.is_store_older) {
                        return tl::unexpected(older(path_));
                      }
                      return append_after(engine, opened.log, opened.log.through());
                    });
                  })
      .map_error([](Error error) {
        error.code = ErrorCode::outcome_unknown;
        error.message = "the change was made, but is not logged: " + error.message;
        error.hint += std::string(error.hint.empty() ? "" : "; then ") +
                      "run nexakey restore --check, which writes the log";
        return error;
      });
}

Result<AppliedEndings> RevocationKeeper::apply(Engine& engine, const core::Actor& actor,
                                               core::Time now) {
  return with_log(path_, [&]() -> Result<AppliedEndings> {
    auto opened = open_for(engine, path_);
    if (!opened) {
      return tl::unexpected(opened.error());
    }
    RevocationLog& log = opened->log;
    const auto parts = divide(engine, log);
    if (!parts) {
      return tl::unexpected(parts.error());
    }
    AppliedEndings all;
    for (const auto* const part : {&parts->known, &parts->missing}) {
      for (auto end = part->rbegin(); end != part->rend(); ++end) {
        auto applied =
            apply_block(engine, log.block_before(*end)->block, part == &parts->missing, actor, now);
        if (!applied) {
          return applied;
        }
        all += *applied;
      }
    }
    return append_after(engine, log, parts->last_known).map([&] { return all; });
  });
}

}  // namespace nexakey::store
