#pragma once

#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "store/http/api_client.h"
#include "store/key_store.h"

namespace nexakey::store::http {

/// A store behind `nexakey serve`: each operation is one request of the API or, for long lists and
/// many keys, a few of them. nexakey-api(7) describes the requests. The server applies the rules
/// of a store; the client checks that a reply is about what it asked for, so that no reply to
/// another request is taken for an answer.
///
/// A server of an earlier version does not know all of the requests. Where there is an older way to
/// the same end, it is taken.
class RemoteStore final : public KeyStore {
 public:
  explicit RemoteStore(ApiClient client) : client_(std::move(client)) {}

  // key_list.cpp
  Result<std::optional<core::KeyId>> list(
      const core::KeyFilter& filter, const Page& page, core::Time now,
      const std::function<bool(const core::Key&)>& visit) override;
  Result<std::vector<std::string>> workspaces() override;

  // key_lookup.cpp
  using Found = std::vector<std::optional<core::Key>>;
  Result<Found> find(std::span<const core::KeyId> ids) override;
  Result<Found> find(std::span<const core::KeyHash> hashes) override;

  // key_changes.cpp
  Result<core::Key> create(const core::Key& key, CreateMode mode, core::Time now) override;
  Result<std::optional<core::Key>> update(core::KeyId id, const core::KeyChange& change,
                                          core::Time now) override;
  Result<std::optional<core::Rotated>> rotate(core::KeyId id, const core::Rotation& rotation,
                                              core::Time now) override;

  // revocation.cpp
  Result<void> revoke(std::span<const core::KeyId> ids, const std::string& reason, core::Time now,
                      const std::function<bool(std::span<const core::Key>)>& visit) override;
  Result<PurgeStep> purge_step(std::span<const core::KeyId> ids, const core::PurgeOptions& options,
                               core::Time now) override;
  Result<std::vector<core::Token>> revoke_tokens(std::span<const core::TokenId> ids,
                                                 core::Time now) override;

  // tokens.cpp
  Result<core::Token> create_token(const core::Token& token) override;
  Result<std::vector<core::Token>> tokens() override;
  Result<std::optional<core::Whoami>> whoami() override;

  // policies.cpp
  Result<core::Policy> policy(const std::string& workspace) override;
  Result<core::Policy> set_policy(const core::Policy& policy, core::Time now) override;

  // decisions.cpp
  Result<std::vector<Verification>> verify(std::span<const core::Request> requests,
                                           const VerifyOptions& options) override;
  Result<void> record_responses(std::span<const core::UpstreamResponse> responses) override;

  // reports.cpp
  Result<core::UsageReport> usage(const core::UsageQuery& query, core::Time now) override;
  Result<core::PeakReport> peaks(const core::PeakQuery& query, core::Time now) override;
  Result<std::optional<std::int64_t>> audit(
      const core::AuditFilter& filter, std::size_t limit,
      const std::function<bool(const core::AuditEntry&)>& visit) override;
  Result<core::AuditHead> audit_head() override;

  // moving.cpp
  Result<void> export_records(const std::optional<std::string>& workspace,
                              const std::function<bool(const core::Record&)>& visit) override;
  Result<void> stage_import(core::ImportId id, std::uint32_t number, std::string_view lines,
                            core::Time now) override;
  Result<core::ImportSummary> commit_import(core::ImportId id, std::uint32_t parts,
                                            const core::ImportOptions& options,
                                            core::Time now) override;

 private:
  template <typename Name>
  Result<Found> find_all(const char* kind, std::span<const Name> names);
  template <typename Name>
  Result<Found> find_first(const char* kind, std::span<const Name> names);
  Result<Found> find_one(const core::KeyFilter& filter);
  Result<std::vector<core::Key>> revoke_at_once(std::span<const core::KeyId> ids,
                                                const std::string& reason);
  Result<std::vector<core::Key>> find_revoked(std::span<const core::KeyId> ids);

  ApiClient client_;
  bool is_older_ = false;  ///< the server has said that it does not know POST /v1/keys/find
};

}  // namespace nexakey::store::http
