#pragma once

#include <map>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "store/key_store.h"
#include "store/postgres/connection.h"

namespace nexakey::store::postgres {

/// Decides and counts requests, as core has it, with one round trip for a batch: the server locks
/// the windows of its keys, lets in what has room, counts, and commits.
///
/// What is known of a key is kept from look to look, and holds only if the server says in that same
/// transaction that the key still has the stamp with which it was read; else it is read again.
/// Errors are exceptions.
class Decider {
 public:
  explicit Decider(Connection& connection) : connection_(connection) {}

  /// Fills in the verifications of `requests`, in their order.
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

  /// Reads the keys that some of the requests name and that are not known.
  void look_up(std::span<const core::Request> requests);
  [[nodiscard]] const Known* find(const core::Request& request) const;
  /// Decides the requests with the indices `open`. Returns those whose keys were not as known.
  std::vector<std::size_t> decide_once(std::span<const core::Request> requests,
                                       std::span<const std::size_t> open,
                                       const VerifyOptions& options,
                                       std::span<Verification> verifications);
  /// For each group a row: how full its window was before, and when it will have more room.
  Rows ask_server(const Groups& groups, std::span<const core::Request> requests, bool is_counted);

  Connection& connection_;
  std::unordered_map<core::KeyHash, Known, HashOfHash> known_;
};

}  // namespace nexakey::store::postgres
