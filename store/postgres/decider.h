#pragma once

#include <chrono>
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
///
/// A statement waits a bounded time for locks. If another transaction keeps the window of a key
/// locked, the keys are decided one by one, and only requests about that key are refused
/// (`busy_key`); as long as it is locked, requests about other keys do not wait for it again.
class Decider {
 public:
  explicit Decider(Session& session) : session_(session) {}

  /// Writes the verifications of `requests`, in the same order. Takes at most 1.5 seconds
  /// (postgres/patience.h).
  void decide(std::span<const core::Request> requests, const VerifyOptions& options,
              std::span<Verification> verifications);

 private:
  using Clock = std::chrono::steady_clock;
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

  struct Call;
  struct KeyColumns;

  static int windows_of(const Group& group);

  /// Decides the requests in `open` and empties it. False: a lock was not granted in time, and what
  /// is left in `open` was neither decided nor counted.
  bool decide_all(const Call& call, std::vector<std::size_t>& open,
                  std::chrono::milliseconds lock_time);
  /// Decides the requests about each key in `open` by themselves.
  void decide_apart(const Call& call, std::span<const std::size_t> open);
  void refuse(const Call& call, std::span<const std::size_t> open);

  /// Reads the keys of the requests in `open` that are not known.
  void look_up(const Call& call, std::span<const std::size_t> open,
               std::chrono::milliseconds lock_time);
  [[nodiscard]] const Known* find(const core::Request& request) const;
  /// Decides the requests with the indices `open`. Returns those whose keys have changed.
  std::vector<std::size_t> decide_once(const Call& call, std::span<const std::size_t> open,
                                       std::chrono::milliseconds lock_time);
  /// Returns the rows of `nexakey.decide`.
  Rows ask_server(const Groups& groups, const Call& call, std::chrono::milliseconds lock_time);

  Session& session_;
  std::unordered_map<core::KeyHash, Known, HashOfHash> known_;
  // The keys whose windows were found locked, and when they are waited for again.
  std::unordered_map<core::KeyHash, Clock::time_point, HashOfHash> locked_;
};

}  // namespace nexakey::store::postgres
