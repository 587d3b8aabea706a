#pragma once

#include <chrono>
#include <cstdint>
#include <functional>

#include "core/import.h"
#include "store/engine.h"

/// An import has four stages, so that it needs little memory, and others do not wait for it:
///
/// 1. Its parts are staged, each in a transaction, which the acceptance makes durable.
/// 2. It is checked against the store, batch by batch, without a lock. After a conflict, nothing is
///    done.
/// 3. It is accepted: one transaction adds a row (store/accepted_import.h), and the entry for the
///    audit log. From then on the import is certain, whatever dies.
/// 4. It is rolled forward, in transactions of at most kMaxAtOnce records, each of which also moves
///    the cursor in the row. Any process can do the next step: the one that accepted it does, and
///    if that has died, the maintenance of a server, or the next command that reads the store.
///    Records that conflict by then are left out, and logged.
///
/// A key that is not rolled forward yet cannot be found, so it cannot be revoked either. A key that
/// the store has is not changed by an import: a revocation holds.
namespace nexakey::store {

/// How long a part of an import waits for the others before it is deleted, and how long the outcome
/// of an import is kept.
inline constexpr std::chrono::hours kMaxImportAge{24};

/// Implements Changes::commit_import for `actor`, in a store that keeps hours for `kept`.
Result<core::ImportSummary> commit_import(Engine& engine, core::ImportId id, std::uint32_t parts,
                                          const core::ImportOptions& options,
                                          std::chrono::hours kept, const core::Actor& actor,
                                          core::Time now);

/// Whether an import that was accepted is not finished.
bool has_unfinished_import(Tables& tables);

/// Rolls accepted imports forward, the oldest first, until all are finished or `is_over` returns
/// true, which is asked after each step. Others get the store between two steps.
Result<void> roll_forward(
    Engine& engine, const std::function<bool()>& is_over = [] { return false; });

/// The same, but leaves the work to another process that does it.
Result<void> roll_idle_forward(Engine& engine, const std::function<bool()>& is_over);

/// Finishes the accepted imports in one transaction, of a store that no other process uses.
void finish_imports(Tables& tables);

/// Deletes the parts of an import that needs them no more. Others get the store in between. Those
/// that are left after an error are swept.
void delete_parts(Engine& engine, core::ImportId id, std::uint32_t parts);

/// Deletes the parts that are older than kMaxImportAge, unless an accepted import needs them, and
/// the outcomes that are. Others get the store in between.
Result<void> sweep_imports(Engine& engine, core::Time now);

}  // namespace nexakey::store
