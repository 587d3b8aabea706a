#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "store/key_store.h"
#include "store/sqlite/counter.h"
#include "store/sqlite/limits_reader.h"

namespace nexakey::store::sqlite {

/// Decides requests by the tables and the shared windows, and counts them in the journal: no
/// decision waits for a transaction. Errors are exceptions.
class Decider {
 public:
  Decider(Database& database, Counter& counter) : database_(database), counter_(counter) {}

  /// Implements KeyStore::verify.
  std::vector<Verification> verify(std::span<const core::Request> requests,
                                   const VerifyOptions& options);
  /// Implements KeyStore::record_responses.
  void record_responses(std::span<const core::UpstreamResponse> responses);

 private:
  std::vector<std::optional<core::KeyRules>> look_up(std::span<const core::Request> requests);
  template <typename Work>
  auto with_reserve(const Work& work) -> decltype(work());
  std::unique_ptr<LockGuard> lock_with_counts(std::span<const std::optional<core::KeyRules>> keys,
                                              std::span<const std::string> endpoints);
  void verify_batch(std::span<const core::Request> requests, const VerifyOptions& options,
                    std::vector<Verification>& verifications);
  std::vector<std::string> endpoints_of(std::span<const core::UpstreamResponse> responses);

  Database& database_;
  Counter& counter_;
  bool is_mapped_ = false;
  std::optional<SQLite::Statement> select_rules_;
  LimitsReader limits_;
  std::optional<SQLite::Statement> select_workspace_;
};

}  // namespace nexakey::store::sqlite
