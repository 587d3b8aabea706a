#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include "store/key_store.h"
#include "store/open.h"
#include "store/table_store.h"
#include "tests/store/memory_engine.h"
#include "tests/store/memory_store.h"
#include "tests/support/postgres.h"
#include "tests/support/server.h"
#include "tests/support/sqlite_files.h"
#include "tests/support/stores.h"
#include "tests/support/temporary_directory.h"

/// One suite for every backend: it checks each sentence of store/key_store.h. A backend has a
/// fixture: an object for one store, which is empty at first, that opens any number of connections
/// to it.
namespace nexakey::store::test {

using namespace nexakey::test;

class SqliteFixture {
 public:
  static constexpr std::string_view kScheme = "sqlite";
  /// The column of keys that a count refers to.
  static constexpr std::string_view kUsageKey = "seq";
  /// Makes a count belong to an hour after the year 9999.
  static constexpr std::string_view kLateHour = "hour = 70389528";
  /// Whether changes have the time of the store's own clock instead of the given one.
  static constexpr bool kHasOwnClock = false;

  [[nodiscard]] std::string url() const { return "sqlite:" + path().string(); }
  [[nodiscard]] std::filesystem::path path() const { return directory_ / "keys.db"; }
  /// The name of a table in SQL.
  static std::string table(const std::string& name) { return name; }
  /// Changes a table directly, without the store: `keys SET …`.
  void damage(const std::string& update) const {
    execute(path(), "PRAGMA ignore_check_constraints = 1; UPDATE " + update);
  }
  [[nodiscard]] std::unique_ptr<KeyStore> connect() const {
    return value_of(open(url(), OpenMode::create_if_missing));
  }
  [[nodiscard]] std::unique_ptr<ServedStore> connect_keeping(std::chrono::hours kept) const {
    return value_of(open_served(url(), OpenMode::create_if_missing, {.kept_hours = kept}));
  }

 private:
  TemporaryDirectory directory_ = TemporaryDirectory::in_memory();
};

class PostgresFixture {
 public:
  static constexpr std::string_view kScheme = "postgresql";
  static constexpr std::string_view kUsageKey = "id";
  static constexpr std::string_view kLateHour = "day = 2932897";
  static constexpr bool kHasOwnClock = false;

  [[nodiscard]] std::string url() const { return database_.url(); }
  [[nodiscard]] const PostgresDatabase& database() const { return database_; }
  static std::string table(const std::string& name) { return "nexakey." + name; }
  void damage(const std::string& update) const { database_.execute("UPDATE " + table(update)); }
  [[nodiscard]] std::unique_ptr<KeyStore> connect() const {
    return value_of(open(url(), OpenMode::create_if_missing));
  }
  [[nodiscard]] std::unique_ptr<ServedStore> connect_keeping(std::chrono::hours kept) const {
    return value_of(open_served(url(), OpenMode::create_if_missing, {.kept_hours = kept}));
  }

 private:
  PostgresDatabase database_;
};

class MemoryFixture {
 public:
  static constexpr std::string_view kScheme = "memory";
  static constexpr bool kHasOwnClock = false;

  [[nodiscard]] std::unique_ptr<KeyStore> connect() const {
    return std::make_unique<MemoryStore>(data_);
  }

 private:
  std::shared_ptr<MemoryStore::Data> data_ = MemoryStore::make_data();
};

class EngineFixture {
 public:
  static constexpr std::string_view kScheme = "engine";
  static constexpr bool kHasOwnClock = false;

  [[nodiscard]] std::unique_ptr<KeyStore> connect() const {
    return std::make_unique<TableStore>(std::make_unique<MemoryEngine>(data_));
  }
  [[nodiscard]] std::unique_ptr<ServedStore> connect_keeping(std::chrono::hours kept) const {
    return std::make_unique<TableStore>(std::make_unique<MemoryEngine>(data_), kept);
  }

 private:
  std::shared_ptr<MemoryEngine::Data> data_ = MemoryEngine::make_data();
};

/// The name of the token with which the fixture uses a remote store. The store has it from the
/// beginning.
inline constexpr std::string_view kAdmin = "admin-of-the-fixture";

/// A store behind a real server.
class RemoteFixture {
 public:
  static constexpr bool kHasOwnClock = true;
  /// The log names the token, and not the actor that `as` was given.
  static constexpr bool kNamesActors = true;

  [[nodiscard]] std::unique_ptr<KeyStore> connect() const {
    const RemoteAccess access{.token = [text = token_] { return core::Secret(std::string(text)); }};
    return value_of(open(url_, OpenMode::existing, access));
  }

  void damage(const std::string& update) const { files_.damage(update); }

 protected:
  /// `address` as --listen takes it; empty: a Unix socket. The URL is `prefix` and the address.
  RemoteFixture(const std::string& prefix, const std::string& address)
      : token_("nxk_" + std::string(core::kTokenForm.random_length, 'a')) {
    core::Token token;
    token.id = core::TokenId(core::TokenId::kMaxBits);
    token.name = kAdmin;
    token.role = core::Role::admin;
    token.hash = core::hash_credential(token_);
    token.last_four = core::last_four(token_);
    add_token_unnoticed(files_.path(), token);
    server_.emplace(files_.path(), address.empty() ? "unix:" + socket().string() : address);
    url_ = prefix + server_->address();
  }

 private:
  [[nodiscard]] std::filesystem::path socket() const {
    return files_.path().parent_path() / "nexakey.sock";
  }

  SqliteFixture files_;
  std::string token_;
  std::optional<Server> server_;
  std::string url_;
};

class HttpFixture : public RemoteFixture {
 public:
  static constexpr std::string_view kScheme = "http";
  HttpFixture() : RemoteFixture("http://", "127.0.0.1:0") {}
};

class UnixFixture : public RemoteFixture {
 public:
  static constexpr std::string_view kScheme = "unix";
  UnixFixture() : RemoteFixture("", "") {}
};

/// The fixtures whose changes have the given time.
#define LOCAL_FIXTURES                                                        \
  nexakey::store::test::SqliteFixture, nexakey::store::test::PostgresFixture, \
      nexakey::store::test::MemoryFixture, nexakey::store::test::EngineFixture

/// The fixtures whose rows can be damaged.
#define LOCAL_SQL_FIXTURES \
  nexakey::store::test::SqliteFixture, nexakey::store::test::PostgresFixture
#define SQL_FIXTURES LOCAL_SQL_FIXTURES, nexakey::store::test::HttpFixture

/// All fixtures. Each TEST_CASE_TEMPLATE of the suite runs on each of them.
#define STORE_FIXTURES \
  LOCAL_FIXTURES, nexakey::store::test::HttpFixture, nexakey::store::test::UnixFixture

/// Whether a change has the given time, or that of the store's own clock.
template <typename Fixture>
bool is_time_of_change(const std::optional<core::Time>& time, core::Time named) {
  if constexpr (Fixture::kHasOwnClock) {
    return time && *time <= now() && *time > now() - std::chrono::hours(1);
  }
  return time == named;
}

/// All tokens but the one of the fixture.
inline std::vector<core::Token> tokens(KeyStore& store) {
  auto all = value_of(store.tokens());
  std::erase_if(all, [](const core::Token& token) { return token.name == kAdmin; });
  return all;
}

/// The token with this hash. A client of a server has only the list.
inline std::optional<core::Token> find_token(KeyStore& store, const core::CredentialHash& hash) {
  if (auto* const served = dynamic_cast<ServedStore*>(&store)) {
    return value_of(served->find_tokens({&hash, 1})).front();
  }
  const auto all = value_of(store.tokens());
  const auto found = std::ranges::find(all, hash, &core::Token::hash);
  return found == all.end() ? std::nullopt : std::optional(*found);
}

/// Does the periodic work of a server.
inline void maintain(KeyStore& store) {
  if (auto* const served = dynamic_cast<ServedStore*>(&store)) {
    value_of(served->maintain());
  }
}

/// Two connections to one new store.
template <typename Fixture>
struct Stores {
  Fixture fixture;
  std::unique_ptr<KeyStore> first = fixture.connect();
  std::unique_ptr<KeyStore> second = fixture.connect();
};

}  // namespace nexakey::store::test

TYPE_TO_STRING_AS("sqlite", nexakey::store::test::SqliteFixture);
TYPE_TO_STRING_AS("postgresql", nexakey::store::test::PostgresFixture);
TYPE_TO_STRING_AS("memory", nexakey::store::test::MemoryFixture);
TYPE_TO_STRING_AS("engine", nexakey::store::test::EngineFixture);
TYPE_TO_STRING_AS("http", nexakey::store::test::HttpFixture);
TYPE_TO_STRING_AS("unix", nexakey::store::test::UnixFixture);
