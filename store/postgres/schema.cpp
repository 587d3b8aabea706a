#include "store/postgres/schema.h"

#include <string>

#include "store/postgres/migrations.h"

namespace nexakey::store::postgres {
namespace {

/// The lock for changes of the schema. The number is "nexakey" in ASCII.
constexpr const char* kLock = "SELECT pg_advisory_xact_lock(31088148030448505)";

const std::string kVersion = "SELECT max(version) FROM nexakey.migrations";
const std::string kHasMigrations = "SELECT to_regclass('nexakey.migrations') IS NOT NULL";

/// The version of the store's schema; empty if there is no store.
std::optional<std::int64_t> find_version(Connection& connection) {
  try {
    const Rows rows = connection.ask([&] { return connection.run(kVersion); });
    return rows.number(0, 0);
  } catch (const Refused& refused) {
    if (refused.is_no_store()) {
      return std::nullopt;
    }
    throw;
  }
}

/// Creates or upgrades the store in one transaction.
void migrate(Connection& connection) {
  connection.execute("BEGIN");
  try {
    connection.execute(kLock);
    const Rows there = connection.run(kHasMigrations);
    std::size_t version = 0;
    if (there.text(0, 0) == "t") {
      const Rows rows = connection.run(kVersion);
      version = static_cast<std::size_t>(rows.number(0, 0));
    }
    for (; version < kMigrations.size(); ++version) {
      connection.execute(kMigrations[version]);
      connection.execute("INSERT INTO nexakey.migrations VALUES (" + std::to_string(version + 1) +
                         ")");
    }
    connection.execute("COMMIT");
  } catch (const Problem&) {
    connection.disconnect();
    throw;
  }
}

core::Error no_store(const Connection& connection) {
  return {core::ErrorCode::not_found, "no store in " + connection.place(),
          "create its first key with nexakey create"};
}

}  // namespace

core::Result<std::int64_t> store_version(Connection& connection) {
  const auto version = find_version(connection);
  return version ? core::Result<std::int64_t>(*version) : tl::unexpected(no_store(connection));
}

core::Result<void> prepare_store(Connection& connection, OpenMode mode) {
  const auto newest = static_cast<std::int64_t>(kMigrations.size());
  const auto version = find_version(connection);
  if (!version && mode == OpenMode::existing) {
    return tl::unexpected(no_store(connection));
  }
  if (version > newest) {
    throw Problem("the store " + connection.place() + " was written by a newer nexakey (schema " +
                      std::to_string(*version) + ", this one knows " + std::to_string(newest) + ")",
                  "install that version");
  }
  if (version.value_or(0) < newest) {
    migrate(connection);
  }
  return {};
}

}  // namespace nexakey::store::postgres
