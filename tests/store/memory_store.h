#pragma once

#include <memory>
#include <vector>

#include "store/served_store.h"

namespace nexakey::store::test {

/// The trusts among tokens that are not revoked.
inline std::vector<core::Token> trusts_of(std::vector<core::Token> tokens) {
  std::erase_if(tokens, [](const core::Token& token) { return !token.trust || token.revoked_at; });
  return tokens;
}

/// The model of a store that backends are compared with, written as simply as possible. It shares
/// neither windows nor tables with any backend.
class MemoryStore final : public ServedStore {
 public:
  struct Data;
  static std::shared_ptr<Data> make_data();

  /// Another connection to the same data. All connections belong to one thread.
  explicit MemoryStore(std::shared_ptr<Data> data) : data_(std::move(data)) {}

  Result<core::Key> create(const core::Key& key, CreateMode mode, core::Time now) override;
  Result<std::optional<core::KeyId>> list(
      const core::KeyFilter& filter, const Page& page, core::Time now,
      const std::function<bool(const core::Key&)>& visit) override;
  Result<std::optional<core::Key>> update(core::KeyId id, const core::KeyChange& change,
                                          core::Time now) override;
  Result<void> revoke(std::span<const core::KeyId> ids, const std::string& reason, core::Time now,
                      const std::function<bool(std::span<const core::Key>)>& visit) override;
  Result<PurgeStep> purge_step(std::span<const core::KeyId> ids, const core::PurgeOptions& options,
                               core::Time now) override;
  Result<std::vector<std::optional<core::Key>>> find(std::span<const core::KeyId> ids) override;
  Result<std::vector<std::optional<core::Key>>> find(
      std::span<const core::KeyHash> hashes) override;
  Result<std::optional<core::Rotated>> rotate(core::KeyId id, const core::Rotation& rotation,
                                              core::Time now) override;
  Result<std::vector<Verification>> verify(std::span<const core::Request> requests,
                                           const VerifyOptions& options) override;
  Result<core::UsageReport> usage(const core::UsageQuery& query, core::Time now) override;
  Result<core::PeakReport> peaks(const core::PeakQuery& query, core::Time now) override;
  Result<void> record_responses(std::span<const core::UpstreamResponse> responses) override;
  Result<core::Policy> policy(const std::string& workspace) override;
  Result<core::Policy> set_policy(const core::Policy& policy, core::Time now) override;
  Result<std::vector<std::string>> workspaces() override;
  Result<core::Token> create_token(const core::Token& token) override;
  Result<std::vector<core::Token>> tokens() override;
  Result<std::vector<core::Token>> trusts() override;
  Result<std::vector<std::optional<core::Token>>> find_tokens(
      std::span<const core::CredentialHash> hashes) override;
  Result<std::vector<core::Token>> revoke_tokens(std::span<const core::TokenId> ids,
                                                 core::Time now) override;
  Result<std::optional<std::int64_t>> audit(
      const core::AuditFilter& filter, std::size_t limit,
      const std::function<bool(const core::AuditEntry&)>& visit) override;
  Result<core::AuditHead> audit_head() override;
  Result<void> export_records(const std::optional<std::string>& workspace,
                              const std::function<bool(const core::Record&)>& visit) override;
  Result<void> stage_import(core::ImportId id, std::uint32_t number, std::string_view lines,
                            core::Time now) override;
  Result<core::ImportSummary> commit_import(core::ImportId id, std::uint32_t parts,
                                            const core::ImportOptions& options,
                                            core::Time now) override;
  Maintained maintain() override;

 private:
  std::optional<core::Rotated> cancel(const core::Key& key, core::Key successor, core::Time now);
  void end_unconfirmed(const core::Rotated& rotated, std::chrono::seconds grace, core::Time now);
  /// Replaces a key and logs the change.
  void set(core::AuditAction action, const core::Key& key, core::Time now);
  void log(core::Time at, core::AuditRecord record);

  std::shared_ptr<Data> data_;
};

}  // namespace nexakey::store::test
