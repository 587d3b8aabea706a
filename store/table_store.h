#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>

#include "store/engine.h"
#include "store/folding.h"
#include "store/revocation_keeper.h"
#include "store/served_store.h"

namespace nexakey::store {

class Change;

/// Implements a store with an engine and the rules in store/*_rules.h, which are the same for each
/// engine.
class TableStore final : public ServedStore {
 public:
  /// `kept`: how long counts are kept by the hour. `revocation_log`: empty for none.
  explicit TableStore(std::unique_ptr<Engine> engine,
                      std::chrono::hours kept = core::kDefaultKeptHours,
                      const std::filesystem::path& revocation_log = {})
      : engine_(std::move(engine)), kept_(kept) {
    if (!revocation_log.empty()) {
      revocations_.emplace(revocation_log);
    }
  }

  Result<core::Key> create(const core::Key& key, CreateMode mode, core::Time now) override;
  Result<std::optional<core::Key>> update(core::KeyId id, const core::KeyChange& change,
                                          core::Time now) override;
  Result<void> revoke(std::span<const core::KeyId> ids, const std::string& reason, core::Time now,
                      const std::function<bool(std::span<const core::Key>)>& visit) override;
  Result<std::optional<core::Rotated>> rotate(core::KeyId id, const core::Rotation& rotation,
                                              core::Time now) override;
  Result<PurgeStep> purge_step(std::span<const core::KeyId> ids, const core::PurgeOptions& options,
                               core::Time now) override;
  Result<core::Policy> set_policy(const core::Policy& policy, core::Time now) override;
  Result<core::Token> create_token(const core::Token& token) override;
  Result<std::vector<core::Token>> revoke_tokens(std::span<const core::TokenId> ids,
                                                 core::Time now) override;
  Result<void> stage_import(core::ImportId id, std::uint32_t number, std::string_view lines,
                            core::Time now) override;
  Result<core::ImportSummary> commit_import(core::ImportId id, std::uint32_t parts,
                                            const core::ImportOptions& options,
                                            core::Time now) override;

  Result<std::optional<core::KeyId>> list(
      const core::KeyFilter& filter, const Page& page, core::Time now,
      const std::function<bool(const core::Key&)>& visit) override;
  Result<std::vector<std::optional<core::Key>>> find(std::span<const core::KeyId> ids) override;
  Result<std::vector<std::optional<core::Key>>> find(
      std::span<const core::KeyHash> hashes) override;
  Result<core::Policy> policy(const std::string& workspace) override;
  Result<std::vector<std::string>> workspaces() override;
  Result<std::vector<core::Token>> tokens() override;
  Result<std::vector<core::Token>> trusts() override;
  Result<std::vector<std::optional<core::Token>>> find_tokens(
      std::span<const core::CredentialHash> hashes) override;
  Result<core::UsageReport> usage(const core::UsageQuery& query, core::Time now) override;
  Result<core::PeakReport> peaks(const core::PeakQuery& query, core::Time now) override;
  Result<std::optional<std::int64_t>> audit(
      const core::AuditFilter& filter, std::size_t limit,
      const std::function<bool(const core::AuditEntry&)>& visit) override;
  Result<core::AuditHead> audit_head() override;
  Result<std::optional<std::size_t>> unfinished_imports() override;
  Result<void> export_records(const std::optional<std::string>& workspace,
                              const std::function<bool(const core::Record&)>& visit) override;

  Result<std::vector<Verification>> verify(std::span<const core::Request> requests,
                                           const VerifyOptions& options) override;
  Result<void> record_responses(std::span<const core::UpstreamResponse> responses) override {
    return engine_->record_responses(responses);
  }
  Result<void> check_revocation_log() override;
  Result<void> write_revocation_log() override;
  Result<AppliedEndings> apply_revocation_log(const core::Actor& actor, core::Time now) override;
  Maintained maintain() override;

 private:
  using Clock = std::chrono::steady_clock;

  /// Flushes the counts, so that the tables say when keys were last used, and helps imports. If
  /// that fails, as on a full disk, the tables are read as they are.
  void try_to_flush();
  /// Looks for an import whose process has died, once a second at most, and rolls it forward for a
  /// short time.
  void help_imports();
  /// Brings all that was counted and accepted to the tables.
  Result<void> complete();
  /// Runs `work`, which returns a Result, as a change by the actor.
  template <typename Work>
  auto change(Purpose purpose, core::Time now, const Work& work)
      -> std::invoke_result_t<Work, Change&>;
  /// The same for a change that may end something: writes it to the revocation log too.
  template <typename Work>
  auto change_logged(Purpose purpose, core::Time now, const Work& work)
      -> std::invoke_result_t<Work, Change&>;
  Result<void> check_for(RevocationKeeper::Use use);

  std::unique_ptr<Engine> engine_;
  std::chrono::hours kept_;
  Folding folding_{kept_};
  Clock::time_point next_help_;
  Clock::time_point next_sweep_;  // of parts that nobody needs, and what the log lacks
  std::optional<RevocationKeeper> revocations_;
  std::optional<bool> is_logged_;  // as in Maintained
};

}  // namespace nexakey::store
