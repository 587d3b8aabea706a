#pragma once

#include <array>
#include <memory>
#include <stdexcept>
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
#include "tests/support/usage.h"

/// One suite for every backend: it checks each sentence of store/key_store.h.
namespace nexakey::store::test {

using namespace nexakey::test;

/// One store of a backend, which is empty at first, with any number of connections.
class StoreFixture {
 public:
  StoreFixture() = default;
  StoreFixture(const StoreFixture&) = delete;
  StoreFixture& operator=(const StoreFixture&) = delete;
  virtual ~StoreFixture() = default;

  [[nodiscard]] virtual std::string_view scheme() const = 0;
  [[nodiscard]] virtual std::unique_ptr<KeyStore> connect() const = 0;
  /// Whether changes have the time of the store's own clock instead of the given one.
  [[nodiscard]] virtual bool has_own_clock() const { return false; }
  /// Whether a busy store may answer too late. Nobody is let in by that, but what was asked may be
  /// counted.
  [[nodiscard]] virtual bool may_be_late() const { return false; }
  /// Whether the log names the token, and not the actor that `as` was given.
  [[nodiscard]] virtual bool names_actors() const { return false; }

  // Not all backends have these.
  [[nodiscard]] virtual std::string url() const { lack(); }
  [[nodiscard]] virtual std::unique_ptr<ServedStore> connect_keeping(
      std::chrono::hours /*kept*/) const {
    lack();
  }
  /// Changes a table directly, without the store: `keys SET …`.
  virtual void damage(const std::string& /*update*/) const { lack(); }
  /// The name of a table in SQL.
  [[nodiscard]] virtual std::string table(const std::string& name) const { return name; }
  /// The column of keys that a count refers to.
  [[nodiscard]] virtual std::string usage_key() const { lack(); }
  /// Makes a count belong to an hour after the year 9999.
  [[nodiscard]] virtual std::string late_hour() const { lack(); }

 private:
  [[noreturn]] void lack() const { throw std::logic_error("not with " + std::string(scheme())); }
};

/// Makes a new store of a backend.
using Backend = std::unique_ptr<StoreFixture> (*)();

template <typename Fixture>
std::unique_ptr<StoreFixture> make_fixture() {
  return std::make_unique<Fixture>();
}

template <typename... Fixtures>
constexpr std::array<Backend, sizeof...(Fixtures)> backends() {
  return {&make_fixture<Fixtures>...};
}

class SqliteFixture : public StoreFixture {
 public:
  static constexpr std::string_view kScheme = "sqlite";

  [[nodiscard]] std::filesystem::path path() const { return directory_ / "keys.db"; }

  [[nodiscard]] std::string_view scheme() const override { return kScheme; }
  [[nodiscard]] std::string url() const override { return "sqlite:" + path().string(); }
  [[nodiscard]] std::string usage_key() const override { return "seq"; }
  [[nodiscard]] std::string late_hour() const override { return "hour = 70389528"; }
  void damage(const std::string& update) const override {
    execute(path(), "PRAGMA ignore_check_constraints = 1; UPDATE " + update);
  }
  [[nodiscard]] std::unique_ptr<KeyStore> connect() const override {
    return value_of(open(url(), OpenMode::create_if_missing));
  }
  [[nodiscard]] std::unique_ptr<ServedStore> connect_keeping(
      std::chrono::hours kept) const override {
    return value_of(open_served(url(), OpenMode::create_if_missing, {.kept_hours = kept}));
  }

 private:
  TemporaryDirectory directory_ = TemporaryDirectory::in_memory();
};

class PostgresFixture : public StoreFixture {
 public:
  static constexpr std::string_view kScheme = "postgresql";

  [[nodiscard]] const PostgresDatabase& database() const { return database_; }

  [[nodiscard]] std::string_view scheme() const override { return kScheme; }
  [[nodiscard]] std::string url() const override { return database_.url(); }
  [[nodiscard]] bool may_be_late() const override { return true; }
  [[nodiscard]] std::string table(const std::string& name) const override {
    return "nexakey." + name;
  }
  [[nodiscard]] std::string usage_key() const override { return "id"; }
  [[nodiscard]] std::string late_hour() const override { return "day = 2932897"; }
  void damage(const std::string& update) const override {
    database_.execute("UPDATE " + table(update));
  }
  [[nodiscard]] std::unique_ptr<KeyStore> connect() const override {
    return value_of(open(url(), OpenMode::create_if_missing));
  }
  [[nodiscard]] std::unique_ptr<ServedStore> connect_keeping(
      std::chrono::hours kept) const override {
    return value_of(open_served(url(), OpenMode::create_if_missing, {.kept_hours = kept}));
  }

 private:
  PostgresDatabase database_;
};

class MemoryFixture : public StoreFixture {
 public:
  static constexpr std::string_view kScheme = "memory";

  [[nodiscard]] std::string_view scheme() const override { return kScheme; }
  [[nodiscard]] std::unique_ptr<KeyStore> connect() const override {
    return std::make_unique<MemoryStore>(data_);
  }

 private:
  std::shared_ptr<MemoryStore::Data> data_ = MemoryStore::make_data();
};

class EngineFixture : public StoreFixture {
 public:
  static constexpr std::string_view kScheme = "engine";

  [[nodiscard]] std::string_view scheme() const override { return kScheme; }
  [[nodiscard]] std::unique_ptr<KeyStore> connect() const override {
    return std::make_unique<TableStore>(std::make_unique<MemoryEngine>(data_));
  }
  [[nodiscard]] std::unique_ptr<ServedStore> connect_keeping(
      std::chrono::hours kept) const override {
    return std::make_unique<TableStore>(std::make_unique<MemoryEngine>(data_), kept);
  }

 private:
  std::shared_ptr<MemoryEngine::Data> data_ = MemoryEngine::make_data();
};

/// The name of the token with which the fixture uses a remote store. The store has it from the
/// beginning.
inline constexpr std::string_view kAdmin = "admin-of-the-fixture";

/// A store behind a real server.
class RemoteFixture : public StoreFixture {
 public:
  [[nodiscard]] bool has_own_clock() const override { return true; }
  [[nodiscard]] bool names_actors() const override { return true; }
  [[nodiscard]] std::unique_ptr<KeyStore> connect() const override {
    const RemoteAccess access{.token = [text = token_] { return core::Secret(std::string(text)); }};
    return value_of(open(url_, OpenMode::existing, access));
  }

  void damage(const std::string& update) const override { files_.damage(update); }

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
  [[nodiscard]] std::string_view scheme() const override { return kScheme; }
};

class UnixFixture : public RemoteFixture {
 public:
  static constexpr std::string_view kScheme = "unix";
  UnixFixture() : RemoteFixture("", "") {}
  [[nodiscard]] std::string_view scheme() const override { return kScheme; }
};

/// The fixtures whose changes have the given time.
#define LOCAL_FIXTURES                                                        \
  nexakey::store::test::SqliteFixture, nexakey::store::test::PostgresFixture, \
      nexakey::store::test::MemoryFixture, nexakey::store::test::EngineFixture

/// The fixtures whose rows can be damaged.
#define LOCAL_SQL_FIXTURES \
  nexakey::store::test::SqliteFixture, nexakey::store::test::PostgresFixture
#define SQL_FIXTURES LOCAL_SQL_FIXTURES, nexakey::store::test::HttpFixture

/// All fixtures.
#define STORE_FIXTURES \
  LOCAL_FIXTURES, nexakey::store::test::HttpFixture, nexakey::store::test::UnixFixture

/// A test that runs on each of the given fixtures. Its body has the `backend`, and is compiled
/// once, not once for each of them.
#define STORE_TEST_OF(body, name, ...)                     \
  static void body(nexakey::store::test::Backend backend); \
  TEST_CASE_TEMPLATE(name, Fixture, __VA_ARGS__) {         \
    body(&nexakey::store::test::make_fixture<Fixture>);    \
  }                                                        \
  static void body(nexakey::store::test::Backend backend)
#define STORE_TEST(name, ...) STORE_TEST_OF(DOCTEST_ANONYMOUS(store_test_), name, __VA_ARGS__)

/// Whether a change has the given time, or that of the store's own clock.
inline bool is_time_of_change(const StoreFixture& fixture, const std::optional<core::Time>& time,
                              core::Time named) {
  return fixture.has_own_clock() ? time && *time <= now() && *time > now() - std::chrono::hours(1)
                                 : time == named;
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

/// The trusts that are not revoked. A client of a server has only the list.
inline std::vector<core::Token> trusts(KeyStore& store) {
  auto* const served = dynamic_cast<ServedStore*>(&store);
  return served != nullptr ? value_of(served->trusts()) : trusts_of(value_of(store.tokens()));
}

/// Does the periodic work of a server.
inline void maintain(KeyStore& store) {
  if (auto* const served = dynamic_cast<ServedStore*>(&store)) {
    CHECK(served->maintain().is_flushed);
  }
}

/// Two connections to one new store.
struct Stores {
  explicit Stores(Backend backend) : made(backend()) {}

  std::unique_ptr<StoreFixture> made;
  const StoreFixture& fixture = *made;
  std::unique_ptr<KeyStore> first = fixture.connect();
  std::unique_ptr<KeyStore> second = fixture.connect();
};

/// The same, for what only one backend has.
template <typename Fixture>
struct StoresOf {
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
