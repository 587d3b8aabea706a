#include "store/postgres/schema.h"

#include <string>

#include "store/newer_schema.h"
#include "store/postgres/migrations.h"

namespace nexakey::store::postgres {
namespace {

/// The lock for changes of the schema. The number is "nexakey" in ASCII.
constexpr const char* kLock = "SELECT pg_advisory_xact_lock(31088148030448505)";

const std::string kVersion = "SELECT max(version) FROM nexakey.migrations";
const std::string kHasMigrations = "SELECT to_regclass('nexakey.migrations') IS NOT NULL";

/// The version of the store's schema; empty if there is no store.
std::optional<std::int64_t> find_version(Session& session) {
  try {
    const Rows rows = session.ask([&] { return session.run(kVersion); });
    return rows.number(0, 0);
  } catch (const Refused& refused) {
    if (refused.is_no_store()) {
      return std::nullopt;
    }
    throw;
  }
}

/// Creates or upgrades the store in one transaction.
void migrate(Session& session) {
  session.transact("BEGIN", [&] {
    session.execute(kLock);
    const Rows there = session.run(kHasMigrations);
    std::size_t version = 0;
    if (there.text(0, 0) == "t") {
      const Rows rows = session.run(kVersion);
      version = static_cast<std::size_t>(rows.number(0, 0));
    }
    const bool is_old = version < kMigrations.size();
    for (; version < kMigrations.size(); ++version) {
      session.execute(kMigrations[version]);
      session.execute("INSERT INTO nexakey.migrations VALUES (" + std::to_string(version + 1) +
                      ")");
    }
    if (is_old) {
      session.execute(kFunctions);
    }
    return true;
  });
}

core::Error no_store(const Session& session) {
  return {core::ErrorCode::not_found, "no store in " + session.place(),
          "create its first key with nexakey create"};
}

}  // namespace

core::Result<std::int64_t> store_version(Session& session) {
  const auto version = find_version(session);
  return version ? core::Result<std::int64_t>(*version) : tl::unexpected(no_store(session));
}

core::Result<void> prepare_store(Session& session, OpenMode mode) {
  const std::int64_t newest = newest_schema();
  const auto version = find_version(session);
  if (!version && mode == OpenMode::existing) {
    return tl::unexpected(no_store(session));
  }
  if (version > newest) {
    throw Problem(newer_schema("the store " + session.place(), std::to_string(*version), newest));
  }
  if (version.value_or(0) < newest) {
    migrate(session);
  }
  return {};
}

}  // namespace nexakey::store::postgres
