#pragma once

#include <exception>

#include <SQLiteCpp/SQLiteCpp.h>

#include "core/error.h"
#include "store/file.h"
#include "store/owner.h"
#include "store/sqlite/live_state.h"

namespace nexakey::store::sqlite {

/// The primary code of an error (https://sqlite.org/rescode.html).
int code_of(const SQLite::Exception& exception);

/// The error for an exception of SQLite or of the system.
core::Error describe(const StorePaths& paths, const SQLite::Exception& exception);
core::Error describe(const StorePaths& paths, const std::exception& exception);

/// Calls `work`, which returns a Result. A process of root acts as the owner of the store.
/// Exceptions become `store_unavailable` errors.
template <typename Work>
auto guarded(const StorePaths& paths, const Work& work) -> decltype(work()) {
  try {
    const ActingAs owner(paths.owner);
    return work();
  } catch (const SQLite::Exception& exception) {
    return tl::unexpected(describe(paths, exception));
  } catch (const OutcomeUnknown& problem) {
    return core::fail(core::ErrorCode::outcome_unknown, problem.what(), problem.hint);
  } catch (const StoreProblem& problem) {
    return core::fail(core::ErrorCode::store_unavailable, problem.what(), problem.hint);
  } catch (const std::exception& exception) {
    return tl::unexpected(describe(paths, exception));
  }
}

}  // namespace nexakey::store::sqlite
