#include "store/sqlite/guarded.h"

#include <string>
#include <system_error>

#include <sqlite3.h>

namespace nexakey::store::sqlite {

using core::ErrorCode;

int code_of(const SQLite::Exception& exception) { return exception.getErrorCode() & 0xFF; }

core::Error describe(const StorePaths& paths, const SQLite::Exception& exception) {
  const std::string path = paths.database.string();
  const auto unavailable = [](std::string message, std::string hint = {}) {
    return core::Error{ErrorCode::store_unavailable, std::move(message), std::move(hint)};
  };
  switch (code_of(exception)) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return unavailable("the store " + path + " is busy", "try again");
    case SQLITE_FULL:
      return unavailable("the disk of the store " + path + " is full", "make room on it");
    case SQLITE_READONLY:
      return unavailable("cannot write to " + path, advice_for_denied(paths.database));
    case SQLITE_NOTADB:
      return unavailable(path + " is not a nexakey store");
    case SQLITE_CORRUPT:
      return unavailable("the store " + path + " is damaged",
                         "restore a backup of it with nexakey restore");
    case SQLITE_CANTOPEN:
      return unavailable("cannot open " + path, advice_for_denied(paths.database));
    default:
      return unavailable("the store " + path + " failed: " + exception.what());
  }
}

core::Error describe(const StorePaths& paths, const std::exception& exception) {
  const auto* const failure = dynamic_cast<const std::system_error*>(&exception);
  if (failure != nullptr && failure->code() == std::errc::permission_denied) {
    return {ErrorCode::store_unavailable,
            "cannot open " + paths.database.string() + ": permission denied",
            advice_for_denied(paths.database)};
  }
  return {ErrorCode::store_unavailable,
          "the store " + paths.database.string() + " cannot be used: " + exception.what(), ""};
}

}  // namespace nexakey::store::sqlite
