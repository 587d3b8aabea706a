#include "store/sqlite/processes.h"

#include <filesystem>
#include <fstream>
#include <map>
#include <system_error>

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

std::string describe_processes(const std::string& prefix) {
  std::map<std::string, std::string> names;
  visit_open_files(prefix, [&](const std::string& process, const std::string& /*path*/) {
    names.try_emplace(process, name_of_process(process));
  });
  names.erase(std::to_string(::getpid()));
  std::string text;
  std::size_t described = 0;
  for (const auto& [process, name] : names) {
    if (described++ == kMaxDescribed) {
      return text + " and " + std::to_string(names.size() - kMaxDescribed) + " others";
    }
    text += text.empty() ? "process " : ", process ";
    text += name.empty() ? process : process + " (" + name + ")";
  }
  return text;
}

}  // namespace nexakey::store::sqlite
