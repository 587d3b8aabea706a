#include "cli/git.h"

#include <filesystem>
#include <fstream>

#include <doctest/doctest.h>
#include <sys/stat.h>

#include "tests/support/temporary_directory.h"

namespace nexakey::cli {
namespace {

/// A folder that git takes for a repository, with a pipe that nobody writes to as a file of it.
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
    CHECK(git.complaint() == "it printed nothing for too long and was ended");
    CHECK(git.finish() == -1);
  }
}

TEST_CASE("What git says of its failure is one line, whatever else it prints") {
  Git git({"-C", "/", "rev-parse", "--verify", "HEAD"}, GitScope::directory);
  CHECK(git.finish() == 128);
  CHECK(git.complaint() == "fatal: not a git repository (or any of the parent directories): .git");
  CHECK_THROWS(git.require_success());
}

}  // namespace
}  // namespace nexakey::cli
