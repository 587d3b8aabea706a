// The file of the revocation log: its text, what a crash leaves of it, and damage.

#include "store/revocation_log.h"

#include <fstream>
#include <iterator>

#include <doctest/doctest.h>
#include <sys/stat.h>

#include "tests/support/process.h"
#include "tests/support/temporary_directory.h"

namespace nexakey::store::test {
namespace {

using core::AuditEntry;
using core::KeyId;
using core::Time;
using core::TokenId;
using nexakey::test::TemporaryDirectory;

constexpr StoreId kStore{0x3f, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 0xff};
constexpr Time kNoon =
    std::chrono::sys_days{std::chrono::year{2026} / 11 / 27} + std::chrono::hours(12);

core::AuditHead head(std::int64_t number) {
  return {.number = number, .hash = core::sha256(std::to_string(number))};
}

EndingBlock block(std::int64_t number, std::size_t endings = 1) {
  EndingBlock made{.endings = {}, .through = head(number)};
  for (std::size_t i = 0; i < endings; ++i) {
    made.endings.push_back({.subject = KeyId(static_cast<std::int64_t>(i) + number), .at = kNoon});
  }
  return made;
}

struct LogFile {
  TemporaryDirectory directory = TemporaryDirectory::in_memory();
  std::filesystem::path path = directory / "revocations";

  [[nodiscard]] RevocationLog append(const std::vector<EndingBlock>& blocks) const {
    RevocationLog log = RevocationLog::open_to_append(path);
    if (!log.store()) {
      log.begin(kStore);
    }
    for (const EndingBlock& added : blocks) {
      log.append(added);
    }
    return log;
  }
  [[nodiscard]] std::string content() const {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void write(const std::string& text) const { std::ofstream(path, std::ios::binary) << text; }
  /// The blocks, the last one first; nothing if the file is refused.
  [[nodiscard]] std::optional<std::vector<EndingBlock>> blocks() const {
    std::vector<EndingBlock> found;
    try {
      const auto log = RevocationLog::open(path);
      if (!log) {
        return found;
      }
      for (auto at = log->block_before(log->end()); at; at = log->block_before(at->begin)) {
        found.push_back(at->block);
      }
    } catch (const StoreProblem&) {
      return std::nullopt;
    }
    return found;
  }
};

TEST_CASE("an entry of the audit log ends what its details say") {
  const std::string key = KeyId(7).to_string();
  const std::string token = TokenId(7).to_string();
  const std::string revoked = R"({"revoked_at":{"from":null,"to":"2026-11-27T12:00:00.000Z"}})";
  const Ending expires{.subject = KeyId(7), .is_revocation = false, .at = kNoon};
  struct Row {
    std::string subject;
    std::string details;
    std::vector<Ending> endings;
  };
  const auto expiry = [](const std::string& from, const std::string& to) {
    return R"({"expires_at":{"from":)" + from + R"(,"to":)" + to + "}}";
  };
  const std::string noon = R"("2026-11-27T12:00:00.000Z")";
  const std::string later = R"("2026-11-27T12:00:00.001Z")";
  for (const Row& row : {
           Row{key, revoked, {{.subject = KeyId(7), .at = kNoon}}},
           Row{token, revoked, {{.subject = TokenId(7), .at = kNoon}}},
           Row{"", revoked, {}},
           Row{key, expiry("null", noon), {expires}},
           Row{key, expiry(later, noon), {expires}},
           Row{key, expiry(noon, later), {}},
           Row{key, expiry(noon, "null"), {}},
           Row{token, expiry("null", noon), {}},
           Row{key, R"({"expires_at":)" + noon + "}", {}},
           Row{key, R"({"name":{"from":"a","to":"b"}})", {}},
           Row{key, R"({"revoked_at":{"from":null,"to":"soon"}})", {}},
           Row{key, "[]", {}},
           Row{key, "{", {}},
       }) {
    CAPTURE(row.details);
    AuditEntry entry;
    entry.subject = row.subject;
    entry.details = row.details;
    CHECK(endings_of(entry) == row.endings);
  }
}

TEST_CASE("a revocation log is a text file with mode 0600 that is read back as it was written") {
  const LogFile file;
  CHECK_FALSE(RevocationLog::open(file.path));
  EndingBlock mixed = block(3, 1);
  mixed.endings.push_back({.subject = TokenId(5), .at = kNoon});
  mixed.endings.push_back({.subject = KeyId(6), .is_revocation = false, .at = kNoon});
  const std::vector<EndingBlock> blocks{mixed, block(4, 0), block(600, kMaxEndings)};
  CHECK(file.append(blocks).through() == head(600));
  CHECK(file.blocks() == std::vector<EndingBlock>(blocks.rbegin(), blocks.rend()));
  CHECK(RevocationLog::open(file.path)->store() == kStore);

  CHECK(
      file.content().starts_with("nexakey revocation log 1 3f0102030405060708090a0b0c0d0eff\n"
                                 "revoked key_000000000003 2026-11-27T12:00:00.000Z\n"
                                 "revoked tok_000000000005 2026-11-27T12:00:00.000Z\n"
                                 "expires key_000000000006 2026-11-27T12:00:00.000Z\n"
                                 "through 3 " +
                                 core::to_hex(head(3).hash) + " 150 "));
  struct stat status {};
  REQUIRE(::stat(file.path.c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0600);
}

TEST_CASE("what a crash leaves of the last block is ignored, and removed by the next append") {
  const LogFile file;
  static_cast<void>(file.append({block(1), block(2, 3)}));
  const std::string whole = file.content();
  static_cast<void>(file.append({block(3, 2)}));
  const std::string longer = file.content();
  const auto check_torn = [&](const std::string& torn) {
    file.write(torn);
    const auto blocks = file.blocks();
    REQUIRE(blocks);
    CHECK(*blocks == std::vector{block(2, 3), block(1)});
    static_cast<void>(file.append({block(4)}));
    CHECK(file.content().starts_with(whole + "revoked"));
    CHECK(file.blocks() == std::vector{block(4), block(2, 3), block(1)});
  };
  for (std::size_t size = whole.size(); size < longer.size(); ++size) {
    CAPTURE(size);
    check_torn(longer.substr(0, size));
  }
  SUBCASE("pages that were not written are zeros") {
    check_torn(whole + std::string(100, '\0'));
    check_torn(whole + std::string(60, '\0') + longer.substr(whole.size() + 60));
  }
}

TEST_CASE("what a crash leaves of the header is a log without blocks") {
  const LogFile file;
  static_cast<void>(file.append({}));
  const std::string header = file.content();
  for (std::size_t size = 0; size < header.size(); ++size) {
    CAPTURE(size);
    file.write(header.substr(0, size));
    CHECK_FALSE(RevocationLog::open(file.path));
    static_cast<void>(file.append({block(1)}));
    CHECK(file.blocks() == std::vector{block(1)});
  }
  file.write(std::string(header.size(), '\0'));
  CHECK_FALSE(RevocationLog::open(file.path));
}

TEST_CASE("each changed byte of a revocation log is found") {
  const LogFile file;
  static_cast<void>(file.append({block(1), block(2, 2), block(3)}));
  const std::string whole = file.content();
  for (std::size_t i = 0; i < whole.size(); ++i) {
    CAPTURE(i);
    std::string changed = whole;
    changed[i] = changed[i] == 'x' ? 'y' : 'x';
    file.write(changed);
    const auto blocks = file.blocks();
    // Without its last line feed, the last block is a torn one.
    CHECK((!blocks || (i == whole.size() - 1 && blocks->size() == 2)));
  }
}

TEST_CASE("a missing block, other text and files that are not a log are refused") {
  const LogFile file;
  static_cast<void>(file.append({block(1)}));
  const std::size_t first = file.content().size();
  static_cast<void>(file.append({block(2)}));
  const std::size_t second = file.content().size();
  static_cast<void>(file.append({block(3)}));
  const std::string whole = file.content();
  for (const std::string& text : {
           whole.substr(0, first) + whole.substr(second),  // without the second block
           whole + whole.substr(second),                   // the last one twice
           whole + "revoked everything\n",
           whole.substr(0, 58) + std::string(70'000, 'x'),
           "nexakey revocation log 2 " + whole.substr(25),
           std::string("key_000000000003\n"),
           std::string(100, 'x'),
       }) {
    CAPTURE(text);
    file.write(text);
    CHECK_FALSE(file.blocks());
    CHECK_THROWS_AS(static_cast<void>(file.append({block(4)})), StoreProblem);
    CHECK(file.content() == text);
  }
  // Without the first block, only reading all of them finds it.
  file.write(whole.substr(0, 58) + whole.substr(first));
  CHECK_FALSE(file.blocks());
}

TEST_CASE("links, folders and FIFOs are not used as a revocation log") {
  const LogFile file;
  static_cast<void>(file.append({block(1)}));
  const auto other = file.directory / "other";
  const auto refused = [&] {
    CHECK_THROWS(static_cast<void>(RevocationLog::open(other)));
    CHECK_THROWS(static_cast<void>(RevocationLog::open_to_append(other)));
    std::filesystem::remove(other);
  };
  std::filesystem::create_symlink(file.path, other);
  refused();
  std::filesystem::create_directory(other);
  refused();
  REQUIRE(::mkfifo(other.c_str(), 0600) == 0);
  refused();
  std::filesystem::create_hard_link(file.path, other);
  refused();
  CHECK(file.blocks() == std::vector{block(1)});
}

TEST_CASE("processes that append at once wait for each other") {
  constexpr int kProcesses = 4;
  constexpr std::int64_t kBlocks = 25;
  const LogFile file;
  std::vector<::pid_t> processes;
  for (int process = 0; process < kProcesses; ++process) {
    const ::pid_t child = ::fork();
    if (child == 0) {
      for (std::int64_t n = 0; n < kBlocks; ++n) {
        RevocationLog log = file.append({});
        log.append(block(log.through().number + 1));
      }
      ::_exit(0);
    }
    processes.push_back(child);
  }
  for (const ::pid_t process : processes) {
    int status = 0;
    REQUIRE(::waitpid(process, &status, 0) == process);
    CHECK(status == 0);
  }
  const auto blocks = file.blocks();
  REQUIRE(blocks);
  REQUIRE(blocks->size() == kProcesses * kBlocks);
  CHECK(blocks->front() == block(kProcesses * kBlocks));
}

}  // namespace
}  // namespace nexakey::store::test
