#include "scan/git.h"

#include <array>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <fstream>

#include <doctest/doctest.h>
#include <sys/stat.h>

#include "tests/support/temporary_directory.h"

namespace nexakey::scan {
namespace {

/// The output of a git that succeeds.
std::string read_all(Git& git) {
  std::string text;
  std::array<char, 65536> buffer{};
  while (const std::size_t count = git.read(buffer.data(), buffer.size())) {
    text.append(buffer.data(), count);
  }
  REQUIRE(git.succeed());
  return text;
}

/// A folder that git takes for a repository, with a pipe without a writer as one of its files.
void make_repository(const std::string& folder, const std::string& pipe) {
  for (const char* const name : {"/.git/objects", "/.git/refs", "/.git/info"}) {
    std::filesystem::create_directories(folder + name);
  }
  std::ofstream(folder + "/.git/HEAD") << "ref: refs/heads/main\n";
  std::filesystem::remove(folder + pipe);
  REQUIRE(::mkfifo((folder + pipe).c_str(), 0600) == 0);
}

TEST_CASE("A git that hangs on a repository is ended, and has failed") {
  for (const char* const pipe :
       {"/.git/HEAD", "/.git/config", "/.git/info/exclude", "/.gitignore"}) {
    CAPTURE(pipe);
    const test::TemporaryDirectory directory;
    make_repository(directory.path().string(), pipe);
    Git git({"-C", directory.path().string(), "ls-files", "--others", "--exclude-standard"},
            GitScope::directory, std::chrono::milliseconds(300));
    CHECK(git.finish() == -1);
    CHECK(git.has_hung());
    CHECK(git.complaint() == "it hung and was ended");
    CHECK(git.finish() == -1);
  }
}

TEST_CASE("A git that works may be silent for longer than it may be idle") {
  const test::TemporaryDirectory directory;
  const std::string file = directory.path().string() + "/large";
  std::ofstream(file).close();
  std::filesystem::resize_file(file, std::uintmax_t{1} << 29U);
  Git hash({"hash-object", "--no-filters", file}, GitScope::directory,
           std::chrono::milliseconds(500));
  CHECK(read_all(hash).size() == 41);
  CHECK(!hash.has_hung());
}

TEST_CASE("git does not inherit that this process ignores SIGPIPE and SIGXFSZ") {
  const auto old_pipe = std::signal(SIGPIPE, SIG_IGN);
  const auto old_file_size = std::signal(SIGXFSZ, SIG_IGN);
  Git git({"-c", "alias.status-of-process=!grep SigIgn: /proc/self/status", "status-of-process"});
  const std::string line = read_all(git);
  std::signal(SIGPIPE, old_pipe);
  std::signal(SIGXFSZ, old_file_size);
  REQUIRE(line.starts_with("SigIgn:\t"));
  const std::uint64_t ignored = std::stoull(line.substr(line.find('\t')), nullptr, 16);
  CHECK((ignored >> (SIGPIPE - 1U) & 1U) == 0);
  CHECK((ignored >> (SIGXFSZ - 1U) & 1U) == 0);
}

TEST_CASE("Of the errors that git prints without end, 64 KiB are kept") {
  const test::TemporaryDirectory directory;
  const std::string folder = directory.path().string();
  make_repository(folder, "/pipe");
  std::filesystem::create_directories(folder + "/.git/objects/info");
  const std::string head = "error: object directory ";
  const std::string tail = " does not exist; check .git/objects/info/alternates\n";
  const std::string missing = "/" + std::string(128 - 1 - head.size() - tail.size(), 'x');
  std::ofstream alternates(folder + "/.git/objects/info/alternates");
  for (int i = 0; i < 1000; ++i) {  // an error of 128 bytes for each, of which 512 fill it
    alternates << missing << "\n";
  }
  alternates.close();
  Git git({"-C", folder, "cat-file", "-t", std::string(40, '1')}, GitScope::directory);
  CHECK(git.finish() == 128);
  // "fatal: git cat-file: could not get object info" came too late.
  CHECK(git.complaint() + "\n" == head + missing + tail);
  CHECK_FALSE(git.succeed());
}

TEST_CASE("A failure of git is reported in one line") {
  Git git({"-C", "/", "rev-parse", "--verify", "HEAD"}, GitScope::directory);
  CHECK(git.finish() == 128);
  CHECK(git.complaint() == "fatal: not a git repository (or any of the parent directories): .git");
  CHECK_FALSE(git.succeed());
}

}  // namespace
}  // namespace nexakey::scan
