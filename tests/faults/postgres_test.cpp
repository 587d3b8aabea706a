// PostgreSQL servers that crash, hang and fail over: requests are denied when in doubt, and
// acknowledged changes stay.

#include "tests/support/postgres.h"

#include <atomic>
#include <thread>

#include <doctest/doctest.h>
#include <pwd.h>
#include <unistd.h>

#include "tests/faults/small_disk.h"
#include "tests/support/stores.h"

namespace nexakey::test {
namespace {

using store::KeyStore;

std::unique_ptr<KeyStore> connect(const std::string& url) {
  return value_of(store::open(url, store::OpenMode::create_if_missing));
}

/// Verifies without a pause, on its own thread and connection, and counts what the store
/// acknowledged.
class Load {
 public:
  explicit Load(const std::string& url)
      : store_(connect(url)), thread_([this](const std::stop_token& stop) { run(stop); }) {}

  [[nodiscard]] std::uint64_t acknowledged() const { return acknowledged_; }
  [[nodiscard]] bool has_failed() const { return has_failed_; }
  /// Ends it. Returns whether all errors were that the store could not be reached.
  bool finish() {
    thread_.request_stop();
    thread_.join();
    return is_unavailable_only_;
  }

 private:
  void run(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      const auto verified = store_->verify(std::vector{request(1)}, {});
      if (verified) {
        acknowledged_ += 1;
      } else {
        has_failed_ = true;
        is_unavailable_only_ =
            is_unavailable_only_ && verified.error().code == core::ErrorCode::store_unavailable;
        std::this_thread::yield();
      }
    }
  }

  std::unique_ptr<KeyStore> store_;
  std::atomic<std::uint64_t> acknowledged_{0};
  std::atomic<bool> has_failed_{false};
  std::atomic<bool> is_unavailable_only_{true};
  std::jthread thread_;
};

template <typename Condition>
void wait_for(const Condition& condition) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!condition()) {
    REQUIRE(std::chrono::steady_clock::now() < until);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

TEST_CASE("a PostgreSQL server has all acknowledged changes after a crash") {
  const PostgresServer server;
  const std::string url = postgres_url(server.folder(), "postgres");
  const auto admin = connect(url);
  add(*admin, 1);
  add(*admin, 2);
  Load load(url);
  wait_for([&] { return load.acknowledged() > 50; });
  value_of(admin->as(kTester).revoke(std::vector{make_key(2).id}, "leaked", now()));
  server.crash();
  wait_for([&] { return load.has_failed(); });
  CHECK(code_of(admin->verify(std::vector{request(2)}, {})) == "store_unavailable");
  CHECK(code_of(admin->as(kTester).create(make_key(3), store::CreateMode::always, now())) ==
        "store_unavailable");

  server.start();
  const std::uint64_t before = load.acknowledged();
  wait_for([&] { return load.acknowledged() > before + 50; });
  CHECK(load.finish());
  CHECK(reason(*admin, request(2)) == "revoked_key");
  CHECK(list(*admin).size() == 2);
  // One that was committed may not have been acknowledged.
  const std::uint64_t counted = report(*admin, {.key = make_key(1).id}).total.requests;
  CHECK(counted >= load.acknowledged());
  CHECK(counted <= load.acknowledged() + 2);
}

TEST_CASE("a replica that is promoted under load has all acknowledged changes") {
  const PostgresServer primary;
  const std::string one = postgres_url(primary.folder(), "postgres");
  add(*connect(one), 1);
  add(*connect(one), 2);
  const PostgresServer standby(PostgresServer::Standby{primary});
  value_of(store::postgres::Session::to(one))
      .execute("ALTER SYSTEM SET synchronous_standby_names = '*'");
  value_of(store::postgres::Session::to(one)).execute("SELECT pg_reload_conf()");
  auto watch = value_of(store::postgres::Session::to(one));
  wait_for([&] {
    return watch.run("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'")
               .number(0, 0) == 1;
  });

  const std::string both = "postgresql://postgres@/postgres?host=" + primary.folder().string() +
                           "," + standby.folder().string() + "&target_session_attrs=read-write";
  Load load(both);
  wait_for([&] { return load.acknowledged() > 50; });
  value_of(connect(both)->as(kTester).revoke(std::vector{make_key(2).id}, "leaked", now()));
  primary.crash();
  wait_for([&] { return load.has_failed(); });
  standby.promote();
  const std::uint64_t before = load.acknowledged();
  wait_for([&] { return load.acknowledged() > before + 50; });
  CHECK(load.finish());
  const auto store = connect(both);
  CHECK(reason(*store, request(2)) == "revoked_key");
  CHECK(report(*store, {.key = make_key(1).id}).total.requests >= load.acknowledged());
}

/// A request whose endpoint no other number has.
core::Request distinct_request(std::uint64_t number) {
  core::Request asked = request(number / 200);
  asked.path = "/v1/";
  for (std::uint64_t rest = number; rest > 0; rest /= 16) {
    asked.path += static_cast<char>('a' + rest % 16);
  }
  return asked;
}

TEST_CASE("a PostgreSQL store admits nothing uncounted on a full disk") {
  const auto disk = SmallDisk::mount();
  if (!disk) {
    MESSAGE("skipped: this process may not mount a file system");
    return;
  }
  std::filesystem::permissions(disk->path(), std::filesystem::perms(0700));
  const passwd* const user = ::getpwnam("postgres");
  REQUIRE(user != nullptr);
  REQUIRE(::chown(disk->path().c_str(), user->pw_uid, user->pw_gid) == 0);
  const PostgresServer server;
  auto admin = value_of(store::postgres::Session::to(postgres_url(server.folder(), "postgres")));
  admin.execute("CREATE TABLESPACE small LOCATION '" + disk->path().string() + "'");
  admin.execute("CREATE DATABASE small TABLESPACE small");
  const auto store = connect(postgres_url(server.folder(), "small"));
  for (std::uint64_t key = 0; key < 50; ++key) {
    add(*store, key);
  }
  std::uint64_t number = 0;
  const auto verify_next = [&] { return store->verify(std::vector{distinct_request(number)}, {}); };
  disk->fill();
  auto verified = verify_next();
  for (; verified && number < 9999; verified = verify_next()) {
    ++number;
  }
  REQUIRE(code_of(verified) == "store_unavailable");
  CHECK(verified.error().message.find("is full") != std::string::npos);
  const std::uint64_t acknowledged = number;
  CHECK(code_of(verify_next()) == "store_unavailable");
  disk->make_room();
  CHECK(code_of(verify_next()) == "ok");
  CHECK(report(*store).total.requests == acknowledged + 1);
}

TEST_CASE("a PostgreSQL server that hangs is passed over for the next one of the URL") {
  const PostgresServer first;
  const PostgresServer second;
  add(*connect(postgres_url(second.folder(), "postgres")), 1);
  first.pause();
  const auto store = connect("postgresql://postgres@/postgres?host=" + first.folder().string() +
                             "," + second.folder().string());
  CHECK(reason(*store, request(1)) == "allowed");
  second.pause();
  CHECK(code_of(store->verify(std::vector{request(1)}, {})) == "store_unavailable");
  second.resume();
  wait_for([&] { return code_of(store->verify(std::vector{request(1)}, {})) == "ok"; });
}

TEST_CASE("a commit that waits for a PostgreSQL replica too long has an unknown outcome") {
  const PostgresServer server;
  const std::string url = postgres_url(server.folder(), "postgres");
  const auto store = connect(url);
  add(*store, 1);
  // A start, because nothing tells when the processes of a running server have read a setting.
  server.crash();
  server.start("synchronous_standby_names=nobody");
  const auto created = store->as(kTester).create(make_key(2), store::CreateMode::always, now());
  CHECK(code_of(created) == "outcome_unknown");
  server.crash();
  server.start();
  CHECK(list(*store).size() == 2);
  add(*store, 2);  // adding it again changes nothing
  CHECK(list(*store).size() == 2);
}

TEST_CASE("a PostgreSQL store that blocks fails in time and recovers afterwards") {
  const PostgresDatabase database;
  const auto store = connect(database.url());
  add(*store, 1);
  CHECK(reason(*store, request(1)) == "allowed");
  auto holder = value_of(store::postgres::Session::to(database.url()));
  holder.execute(
      "BEGIN; SELECT FROM nexakey.windows FOR UPDATE; SELECT FROM nexakey.audit_log_head"
      " FOR UPDATE");
  CHECK(reason(*store, request(1)) == "busy_key");
  CHECK(code_of(store->as(kTester).revoke(std::vector{make_key(1).id}, "", now())) ==
        "store_unavailable");
  holder.execute("ROLLBACK");
  CHECK(reason(*store, request(1)) == "allowed");
  CHECK(report(*store).total.requests == 2);
}

}  // namespace
}  // namespace nexakey::test
