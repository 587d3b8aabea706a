#pragma once

#include <optional>
#include <span>
#include <vector>

#include "store/key_store.h"

namespace nexakey::store {

/// A store that `nexakey serve` can serve: one that is not itself behind a server. It adds to
/// KeyStore what only a server needs.
class ServedStore : public KeyStore {
 public:
  /// The tokens with these hashes, active or not, in the same order; empty in the place of one that
  /// does not exist.
  virtual Result<std::vector<std::optional<core::Token>>> find_tokens(
      std::span<const core::CredentialHash> hashes) = 0;

  /// Does the work that verifications defer. A server calls it a few times a second, on its own
  /// thread with its own store object.
  virtual Result<void> maintain() = 0;
};

}  // namespace nexakey::store
