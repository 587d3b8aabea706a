#pragma once

#include <chrono>
#include <functional>
#include <span>
#include <vector>

#include "core/decision.h"
#include "core/error.h"
#include "store/key_store.h"
#include "store/tables.h"

namespace nexakey::store {

/// What a write is for.
enum class Purpose {
  change,      ///< adds or changes rows
  revocation,  ///< may also use the space that is reserved for it on a full disk
  import,      ///< a step of an import: references between keys are checked at its end, and a
               ///< power cut may undo the last ones until a `change` is committed
  staging,     ///< adds or deletes parts of an import; a power cut may undo it in the same way
};

/// The size of a step of an import: no more records, and fewer if a step takes longer.
struct StepLimits {
  std::size_t records = kMaxAtOnce;
  std::chrono::milliseconds time{80};
};

/// A database: runs transactions and decides requests. A backend implements Engine and Tables;
/// store/table_store.h makes a store of them.
///
/// An error of `write` (`store_unavailable`) says that nothing was done, or that the outcome is
/// unknown.
class Engine {
 public:
  Engine() = default;
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  virtual ~Engine() = default;

  /// Calls `work`, which makes one call of the tables.
  virtual Result<void> read(const std::function<void(Tables&)>& work) = 0;
  /// The same for what a decision waits for, in no more time than that of a decision.
  virtual Result<void> read_soon(const std::function<void(Tables&)>& work) { return read(work); }
  /// Calls `work` with a snapshot of the tables.
  virtual Result<void> view(const std::function<void(Tables&)>& work) = 0;
  /// Calls `work` while no other process changes the store. Commits durably if it returns true,
  /// else rolls back. `work` is called again if the engine must repeat the transaction.
  virtual Result<void> write(Purpose purpose, const std::function<bool(Tables&)>& work) = 0;

  /// Implement KeyStore::verify and KeyStore::record_responses. An engine without a faster way
  /// keeps the windows in a table and uses store/deciding.h.
  virtual Result<std::vector<Verification>> verify(std::span<const core::Request> requests,
                                                   const VerifyOptions& options) = 0;
  virtual Result<void> record_responses(std::span<const core::UpstreamResponse> responses) = 0;

  /// Moves all counts to the tables, unless the engine counts in its tables.
  virtual Result<void> flush() { return {}; }
  /// Does the work of ServedStore::maintain. False: counts are due to be moved to the tables, and
  /// another process keeps the engine from doing it.
  virtual Result<bool> maintain() { return true; }

  /// The maximum of a step of an import, for which others wait.
  [[nodiscard]] virtual StepLimits step_limits() const { return {}; }
};

}  // namespace nexakey::store
