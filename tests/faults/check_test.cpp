// The checks of a store: `nexakey doctor`.

#include <algorithm>
#include <functional>

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/faults/disk_store.h"

namespace nexakey::test {
namespace {

namespace fs = std::filesystem;
using store::Finding;
using store::Health;

/// The result of a check, and the problems that it found.
struct Look {
  std::string code;
  std::size_t findings = 0;
  std::vector<std::string> complaints{};  ///< "check status: found"
};

Look look_at(const fs::path& path) {
  Look look;
  const auto checked = store::check(path.string(), now(), [&](const Finding& finding) {
    ++look.findings;
    if (finding.status != Health::ok) {
      CHECK_MESSAGE(!finding.advice.empty(), finding.found);
      look.complaints.push_back(finding.check + " " + std::string(name_of(finding.status)) + ": " +
                                finding.found);
    }
  });
  look.code = code_of(checked);
  return look;
}

/// A store with a key, a token, and a request that was counted.
void fill(const DiskStore& disk) {
  const auto store = disk.connect();
  add(*store, 1);
  core::Token token;
  token.id = core::TokenId(1);
  token.name = "gateway";
  token.hash = core::hash_credential("x");
  token.last_four = "abcd";
  token.created_at = now();
  REQUIRE(code_of(store->as(kTester).create_token(token)) == "ok");
  CHECK(reason(*store, request(1)) == "allowed");
  CHECK(report(*store).total.requests == 1);
}

/// All files of a folder, except for SQLite's index of its log, which changes with readers.
std::vector<std::pair<std::string, std::string>> content_of(const fs::path& folder) {
  std::vector<std::pair<std::string, std::string>> files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().string();
    files.emplace_back(name, name.ends_with("-shm") ? "" : read_file(entry.path()));
  }
  std::ranges::sort(files);
  return files;
}

TEST_CASE("a sound store has no problems and is not changed") {
  for (const bool has_log : {true, false}) {
    CAPTURE(has_log);
    const DiskStore disk;
    fill(disk);
    if (!has_log) {
      execute(disk.path(), "PRAGMA wal_checkpoint(TRUNCATE)");
      fs::remove(disk.file("-wal"));
      fs::remove(disk.file("-shm"));
    }
    const auto before = content_of(disk.path().parent_path());
    const Look look = look_at(disk.path());
    CHECK(look.code == "ok");
    CHECK(look.complaints == std::vector<std::string>());
    CHECK(look.findings >= 10);
    CHECK(content_of(disk.path().parent_path()) == before);
  }
}

TEST_CASE("a missing store is not found, and what is not a store cannot be checked") {
  const TemporaryDirectory directory;
  CHECK(look_at(directory / "keys.db").code == "not_found");
  CHECK(fs::is_empty(directory.path()));
  for (const std::string_view content : {"", "hello", "SQLite format 3"}) {
    CAPTURE(content);
    write_file(directory / "keys.db", std::string(content));
    CHECK(look_at(directory / "keys.db").code == "store_unavailable");
  }
}

TEST_CASE("each kind of damage is found and named") {
  struct Row {
    std::string_view name;
    std::function<void(const DiskStore&)> damage;
    std::vector<std::string> complaints;  ///< ID is the first key's
  };
  const auto sql = [](std::string text) {
    return [text = std::move(text)](const DiskStore& disk) {
      execute(disk.path(), "PRAGMA ignore_check_constraints = 1; PRAGMA foreign_keys = 0; " +
                               std::string("UPDATE ") + text);
    };
  };
  const auto file = [](std::string suffix, std::function<void(const fs::path&)> work) {
    return [suffix = std::move(suffix), work = std::move(work)](const DiskStore& disk) {
      work(disk.file(suffix));
    };
  };
  const auto mode = [](::mode_t bits) {
    return [bits](const fs::path& path) { REQUIRE(::chmod(path.c_str(), bits) == 0); };
  };
  for (const Row& row : std::vector<Row>{
           {"labels", sql("api_keys SET labels = '{'"), {"keys problem: ID: cannot decode labels"}},
           {"whitelist",
            sql("api_keys SET whitelist = '10.0.0.1/8'"),
            {"keys problem: ID: cannot decode whitelist"}},
           {"limit",
            sql("api_keys SET rate_limit = 0"),
            {"keys problem: ID: cannot decode rate_limit"}},
           {"scopes", sql("api_keys SET scopes = 0"), {"keys problem: ID: cannot decode scopes"}},
           {"name", sql("api_keys SET name = ''"), {"keys problem: ID: a name cannot be empty"}},
           {"hash", sql("api_keys SET hash = x'00'"), {"keys problem: ID: cannot decode hash"}},
           {"rotation",
            sql("api_keys SET superseded_by = id"),
            {"rotations warning: ID: the key that it was rotated from or to does not refer to it"}},
           {"reference",
            sql("last_uses SET key = 77"),
            {"integrity problem: a row of last_uses belongs to a row of api_keys that is missing"}},
           {"count", sql("usage_hours SET requests = -1"), {"usage problem: 1 counts are invalid"}},
           {"peaks",
            sql("last_uses SET hour_peaks = '{'"),
            {"usage problem: the last peaks of 1 key cannot be read"}},
           {"large count",
            sql("usage_hours SET requests = 9007199254740992"),
            {"usage problem: 1 counts are invalid"}},
           {"hour",
            sql("usage_hours SET hour = 70389528"),
            {"usage problem: 1 counts are invalid"}},
           {"role",
            sql("api_tokens SET role = 'king'"),
            {"tokens problem: TOKEN: cannot be decoded"}},
           {"audit", sql("audit_log SET actor = 'nobody' WHERE number = 1"), {"audit problem: "}},
           {"a clock that was ahead",
            sql("api_keys SET created_at = created_at + 3000000000000"),
            {"clock problem: "}},
           {"mode",
            file("", mode(0640)),
            {"files problem: PATH has mode 0640, so that others can access it"}},
           {"mode beside it",
            file("-windows", mode(0606)),
            {"files problem: PATH-windows has mode 0606, so that others can access it"}},
           {"folder",
            [&](const DiskStore& disk) { mode(0777)(disk.path().parent_path()); },
            {"folder problem: "}},
           {"a half file",
            file("-new", [](const auto& path) { write_file(path, "x"); }),
            {"files warning: PATH-new is a partial file that an interrupted process left"}},
           {"reserve",
            file("-reserve", [](const auto& path) { fs::remove(path); }),
            {"space warning: the reserve for a full disk has 0 KiB of 1024 KiB: the disk was full, "
             "or the"
             " file was changed"}},
           {"windows",
            file("-windows", [](const auto& path) { write_file(path, "x"); }),
            {"windows problem: PATH-windows is damaged"}},
           {"journal",
            file("-usage", [](const auto& path) { write_file(path, "x"); }),
            {"journal problem: PATH-usage is damaged"}},
       }) {
    CAPTURE(row.name);
    const DiskStore disk;
    fill(disk);
    row.damage(disk);
    const Look look = look_at(disk.path());
    CHECK(look.code == "ok");
    CAPTURE(look.complaints.empty() ? "" : look.complaints.front());
    REQUIRE(look.complaints.size() == row.complaints.size());
    for (std::size_t i = 0; i < row.complaints.size(); ++i) {
      std::string wanted = row.complaints[i];
      for (const auto& [name, value] :
           std::vector<std::pair<std::string, std::string>>{{"ID", make_key(1).id.to_string()},
                                                            {"TOKEN", core::TokenId(1).to_string()},
                                                            {"PATH", disk.path().string()}}) {
        if (const auto at = wanted.find(name); at != std::string::npos) {
          wanted.replace(at, name.size(), value);
        }
      }
      CHECK_MESSAGE(look.complaints[i].starts_with(wanted), look.complaints[i]);
    }
  }
}

TEST_CASE("a damaged database does not end the check") {
  const DiskStore disk;
  fill(disk);
  execute(disk.path(), "PRAGMA wal_checkpoint(TRUNCATE)");
  std::string bytes = read_file(disk.path());
  bytes.replace(4096, bytes.size() - 4096, std::string(bytes.size() - 4096, 'x'));
  write_file(disk.path(), bytes);
  const Look look = look_at(disk.path());
  CHECK(look.code == "ok");
  for (const std::string check : {"integrity", "keys", "tokens", "usage", "clock"}) {
    CAPTURE(check);
    CHECK(std::ranges::any_of(look.complaints, [&](const std::string& complaint) {
      return complaint.starts_with(check + " problem: ");
    }));
  }
}

TEST_CASE("a process that has replaced files open is found") {
  const DiskStore disk;
  fill(disk);
  const auto store = disk.connect();
  add(*store, 2);
  fs::copy_file(disk.path(), disk.file("-copy"));
  fs::rename(disk.file("-copy"), disk.path());
  const Look look = look_at(disk.path());
  CHECK(std::ranges::any_of(look.complaints, [&](const std::string& complaint) {
    return complaint.starts_with("processes problem: process " + std::to_string(::getpid()) + " ");
  }));
}

}  // namespace
}  // namespace nexakey::test
