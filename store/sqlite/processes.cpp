#include "store/sqlite/processes.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <sys/stat.h>
#include <unistd.h>

#include "core/text.h"

namespace nexakey::store::sqlite {
namespace {

constexpr std::size_t kMaxDescribed = 10;

/// The name of the program of a process; empty if it has ended.
std::string name_of_process(const std::string& process) {
  std::string name;
  std::getline(std::ifstream("/proc/" + process + "/comm"), name);
  return core::is_printable(name) ? name : "";
}

/// The processes without this one.
std::string describe(std::set<std::string> processes) {
  processes.erase(std::to_string(::getpid()));
  std::string text;
  std::size_t described = 0;
  for (const std::string& process : processes) {
    if (described++ == kMaxDescribed) {
      return text + " and " + std::to_string(processes.size() - kMaxDescribed) + " others";
    }
    const std::string name = name_of_process(process);
    text += text.empty() ? "process " : ", process ";
    text += name.empty() ? process : process + " (" + name + ")";
  }
  return text;
}

}  // namespace

void visit_open_files(
    const std::string& prefix,
    const std::function<void(const std::string& process, const std::string& path)>& visit) {
  std::error_code ignored;
  for (const auto& process : std::filesystem::directory_iterator("/proc", ignored)) {
    const std::string id = process.path().filename().string();
    if (id.find_first_not_of("0123456789") != std::string::npos) {
      continue;
    }
    // The process may have ended, or belong to another user.
    std::error_code error;
    std::filesystem::directory_iterator file(process.path() / "fd", error);
    for (; !error && file != std::filesystem::directory_iterator(); file.increment(error)) {
      std::error_code closed;
      const auto target = std::filesystem::read_symlink(file->path(), closed).string();
      if (!closed && target.starts_with(prefix)) {
        visit(id, target);
      }
    }
  }
}

std::string describe_readers(const std::string& log_index) {
  // A line of /proc/locks (proc_locks(5)): 1: POSIX ADVISORY READ 1234 08:02:5678 123 127
  constexpr std::size_t kProcess = 4;
  constexpr std::size_t kPlace = 5;
  constexpr std::size_t kFirst = 6;
  constexpr std::string_view kFirstLock = "123";
  constexpr std::string_view kLastLock = "127";
  struct stat file {};
  if (::stat(log_index.c_str(), &file) != 0) {
    return "";
  }
  const std::string inode = ":" + std::to_string(file.st_ino);
  std::set<std::string> readers;
  std::ifstream locks("/proc/locks");
  for (std::string line; std::getline(locks, line);) {
    std::istringstream stream(line);
    const std::vector<std::string> words(std::istream_iterator<std::string>(stream), {});
    if (words.size() > kFirst && words[kPlace].ends_with(inode) &&
        words[kFirst].size() == kFirstLock.size() && words[kFirst] >= kFirstLock &&
        words[kFirst] <= kLastLock) {
      readers.insert(words[kProcess]);
    }
  }
  return describe(std::move(readers));
}

std::string describe_processes(const std::string& prefix) {
  std::set<std::string> processes;
  visit_open_files(prefix, [&](const std::string& process, const std::string& /*path*/) {
    processes.insert(process);
  });
  return describe(std::move(processes));
}

}  // namespace nexakey::store::sqlite
