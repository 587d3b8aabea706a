#include "store/sqlite/connection.h"

#include <cerrno>
#include <string>
#include <system_error>

#include <sys/stat.h>

#include "store/file.h"
#include "store/newer_schema.h"
#include "store/sqlite/schema.h"

namespace nexakey::store::sqlite {
namespace {

/// Checks what SQLite does not check, or reports unclearly. Does not open the file: closing it
/// would release the locks that other connections of this process hold.
void check_file(const std::filesystem::path& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) {
    throw std::system_error(errno, std::system_category(), path.string());
  }
  if (S_ISLNK(status.st_mode)) {
    throw StoreProblem(path.string() + " is a symbolic link", "name the file itself");
  }
  if (!S_ISREG(status.st_mode)) {
    throw StoreProblem(path.string() + " is not a regular file", "name the file of a store");
  }
  if (status.st_size == 0) {
    throw StoreProblem(path.string() + " is an empty file and not a nexakey store");
  }
  // By its other name, the store would be read without its log: revoked keys would be allowed.
  if (status.st_nlink > 1) {
    throw StoreProblem(path.string() + " has a second name (a hard link)",
                       "delete the other name, which find / -xdev -inum " +
                           std::to_string(status.st_ino) + " shows");
  }
}

/// Checks the files that SQLite opens beside a database: it would wait for a FIFO, and write to a
/// file of somebody else that is a link to it.
void check_log(const std::filesystem::path& database) {
  for (const char* const suffix : {"-wal", "-shm", "-journal"}) {
    const std::string path = database.string() + suffix;
    struct stat status {};
    if (::lstat(path.c_str(), &status) == 0 && (!S_ISREG(status.st_mode) || status.st_nlink > 1)) {
      throw StoreProblem(path + (S_ISREG(status.st_mode) ? " has a second name (a hard link)"
                                                         : " is not a regular file"),
                         "find out who put it there");
    }
  }
}

/// Refuses a file that is not a store, or has a schema that this program does not know.
void check_is_store(SQLite::Database& connection, const std::filesystem::path& path) {
  if (connection.execAndGet("PRAGMA application_id").getInt() != kApplicationId) {
    throw StoreProblem(path.string() + " is not a nexakey store");
  }
  check_schema(schema_of(connection), path);
}

/// `path` as SQLite takes it in a URI (https://sqlite.org/uri.html).
std::string to_uri(const std::filesystem::path& path) {
  std::string uri = "file:";
  for (const char c : path.string()) {
    uri += c == '%' ? "%25" : c == '?' ? "%3f" : c == '#' ? "%23" : std::string(1, c);
  }
  return uri;
}

}  // namespace

bool is_there(const std::filesystem::path& path) {
  return std::filesystem::exists(std::filesystem::symlink_status(path));
}

void check_schema(int schema, const std::filesystem::path& path) {
  if (schema > newest_schema()) {
    const core::Error newer = newer_schema(path.string(), std::to_string(schema), newest_schema());
    throw StoreProblem(newer.message, newer.hint);
  }
}

SQLite::Database connect(const std::filesystem::path& path) {
  check_file(path);
  check_log(path);
  SQLite::Database connection(path.string(), kOpenFlags, kBusyTimeoutMs);
  sqlite3* const handle = connection.getHandle();
  const auto keep_log = [handle](bool keep) {
    sqlite3_db_config(handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, keep ? 1 : 0, nullptr);
  };
  // If this is not a store, closing the connection deletes the log that opening it created.
  keep_log(is_there(path.string() + "-wal"));
  sqlite3_wal_autocheckpoint(handle, 0);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_FKEY, 1, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_extended_result_codes(handle, 1);
  check_is_store(connection, path);
  // `checkpoint` does all checkpoints. The log and its index stay when the last process closes the
  // store, because on a full disk they could not be created again.
  keep_log(true);
  connection.exec("PRAGMA temp_store = MEMORY");
  return connection;
}

SQLite::Database connect_to_look(const StorePaths& paths) {
  check_file(paths.database);
  check_log(paths.database);
  // Without a log, no process uses the store, and a check must not create one.
  const bool has_log = is_there(paths.database.string() + "-wal");
  SQLite::Database connection(
      to_uri(paths.database) + (has_log ? "" : "?immutable=1"),
      SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_URI,
      kBusyTimeoutMs);
  sqlite3_db_config(connection.getHandle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  sqlite3_db_config(connection.getHandle(), SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  check_is_store(connection, paths.database);
  return connection;
}

}  // namespace nexakey::store::sqlite
