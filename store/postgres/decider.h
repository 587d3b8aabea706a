#pragma once

#include <map>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "store/key_store.h"
#include "store/postgres/session.h"

namespace nexakey::store::postgres {

/// Decides and counts requests as core::decide does, with one round trip for a batch: the server
/// locks the windows of the keys, admits requests while there is room, counts, and commits.
///
/// Keys are kept between calls. A decision is valid only if the server confirms, in the same
/// transaction, that the key still has the stamp with which it was read; otherwise the key is read
/// again. Errors are exceptions.
class Decider {
 public:
  explicit Decider(Session& session) : session_(session) {}

  /// Writes the verifications of `requests`, in the same order.
  void decide(std::span<const core::Request> requests, const VerifyOptions& options,
              std::span<Verification> verifications);

 private:
  struct Known {
    core::KeyRules rules;
    std::string stamp;
  };
  struct HashOfHash {
    std::size_t operator()(const core::KeyHash& hash) const;
  };
  struct Asked;
  struct Group;
  using Groups = std::map<core::KeyId, Group>;

  /// Reads the keys of requests that are not known.
  void look_up(std::span<const core::Request> requests);
  [[nodiscard]] const Known* find(const core::Request& request) const;
  /// Decides the requests with the indices `open`. Returns those whose keys have changed.
  std::vector<std::size_t> decide_once(std::span<const core::Request> requests,
                                       std::span<const std::size_t> open,
                                       const VerifyOptions& options,
                                       std::span<Verification> verifications);
  /// Returns a row for each group: how full its window was before, and when it will have more room.
  Rows ask_server(const Groups& groups, std::span<const core::Request> requests, bool is_counted);

  Session& session_;
  std::unordered_map<core::KeyHash, Known, HashOfHash> known_;
};

}  // namespace nexakey::store::postgres
