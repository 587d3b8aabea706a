#pragma once

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <system_error>

#include <doctest/doctest.h>
#include <unistd.h>

#include "store/postgres/session.h"
#include "tests/support/keys.h"
#include "tests/support/temporary_directory.h"

namespace nexakey::test {

/// A PostgreSQL server of one test; see tests/support/postgres.
class PostgresServer {
 public:
  /// `settings`: those of postgresql.conf, separated by spaces.
  explicit PostgresServer(const std::string& settings = "") { run("start", settings); }
  /// A streaming replica of `primary`.
  struct Standby {
    const PostgresServer& primary;
  };
  explicit PostgresServer(const Standby& standby) {
    run("standby", standby.primary.folder().string());
  }
  PostgresServer(const PostgresServer&) = delete;
  PostgresServer& operator=(const PostgresServer&) = delete;
  ~PostgresServer() {
    if (std::system(command("remove", "").c_str()) != 0) {
      MESSAGE("a PostgreSQL server of the tests was left behind");
    }
  }

  [[nodiscard]] std::filesystem::path folder() const { return parent_ / "server"; }
  void crash() const { run("crash", ""); }
  void start(const std::string& settings = "") const { run("start", settings); }
  void promote() const { run("promote", ""); }
  /// Stops all its processes, as a hang would, and lets them go on.
  void pause() const { run("pause", ""); }
  void resume() const { run("resume", ""); }

 private:
  [[nodiscard]] std::string command(const std::string& what, const std::string& rest) const {
    return NEXAKEY_SOURCE_DIR "/tests/support/postgres " + what + " " + folder().string() + " " +
           rest;
  }
  void run(const std::string& what, const std::string& rest) const {
    if (std::system(command(what, rest).c_str()) != 0) {
      throw std::runtime_error("PostgreSQL: " + what + " failed");
    }
  }

  /// In memory, if there is room, which not every container has.
  static TemporaryDirectory make_folder() {
    constexpr std::uintmax_t kRoom = std::uintmax_t{2} << 30U;
    std::error_code error;
    const auto space = std::filesystem::space("/dev/shm", error);
    return !error && space.available > kRoom ? TemporaryDirectory::in_memory()
                                             : TemporaryDirectory();
  }

  TemporaryDirectory parent_ = make_folder().open_to_all();
};

/// The URL of a database of a server.
inline std::string postgres_url(const std::filesystem::path& folder, const std::string& database) {
  return "postgresql://postgres@/" + database + "?host=" + folder.string();
}

/// The server that all tests of a run share. The first use starts one if ctest has not.
inline std::filesystem::path shared_postgres() {
  if (const char* const folder = std::getenv("NEXAKEY_TEST_POSTGRES")) {
    return folder;
  }
  static const PostgresServer server;
  return server.folder();
}

/// An empty database on a server, which is dropped at the end.
class PostgresDatabase {
 public:
  explicit PostgresDatabase(std::filesystem::path server = shared_postgres())
      : server_(std::move(server)), name_(make_name()) {
    execute("postgres", "CREATE DATABASE " + name_);
  }
  PostgresDatabase(const PostgresDatabase&) = delete;
  PostgresDatabase& operator=(const PostgresDatabase&) = delete;
  ~PostgresDatabase() {
    try {
      execute("postgres", "DROP DATABASE " + name_ + " WITH (FORCE)");
    } catch (const std::exception&) {
      return;  // its server has gone before it
    }
  }

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] std::string url() const { return postgres_url(server_, name_); }
  /// Runs SQL directly, without the store.
  void execute(const std::string& sql) const { execute(name_, sql); }
  /// The only value of a query, directly from the database.
  [[nodiscard]] std::string select(const std::string& sql) const {
    auto session = value_of(store::postgres::Session::to(url()));
    return std::string(session.run(sql.c_str()).text(0, 0));
  }

 private:
  static std::string make_name() {
    static int made = 0;
    return "nexakey_" + std::to_string(::getpid()) + "_" + std::to_string(++made);
  }
  void execute(const std::string& database, const std::string& sql) const {
    value_of(store::postgres::Session::to(postgres_url(server_, database))).execute(sql);
  }

  std::filesystem::path server_;
  std::string name_;
};

}  // namespace nexakey::test
