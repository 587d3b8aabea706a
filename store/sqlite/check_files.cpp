#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <set>
#include <string>
#include <system_error>

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "store/findings.h"
#include "store/sqlite/check.h"
#include "store/sqlite/processes.h"
#include "store/sqlite/reserve.h"

namespace nexakey::store::sqlite {
namespace {

constexpr ::mode_t kPermissions = 07777;
constexpr ::mode_t kOthers = 0077;
constexpr ::mode_t kWritableByOthers = 0022;
constexpr ::mode_t kOwnerReadsAndWrites = 0600;

constexpr std::array kSuffixes{"", "-wal", "-shm", "-lock", "-usage", "-windows", "-reserve"};
constexpr std::array kLeftovers{"-new", "-new-wal", "-new-shm", "-usage-new", "-windows-new"};

constexpr std::uint64_t kMebibyte = std::uint64_t{1} << 20U;
constexpr std::uint64_t kLittleSpace = 256 * kMebibyte;
constexpr std::uint64_t kNoSpace = 16 * kMebibyte;
constexpr std::uint64_t kHeldLog = 64 * kMebibyte;

/// statfs(2): NFS, SMB and its successors, Ceph, AFS.
constexpr std::array<std::uint32_t, 6> kNetworkFileSystems{0x6969,     0x517B,     0xFF534D42,
                                                           0xFE534D42, 0x00C36400, 0x5346414F};

std::string octal(::mode_t mode) {
  std::array<char, 8> text{};
  std::snprintf(text.data(), text.size(), "%04o", mode & kPermissions);
  return text.data();
}

std::string user(::uid_t id) { return "user " + std::to_string(id); }

/// The status of `path`, without following a link; empty if it does not exist.
std::optional<struct stat> look_at(const std::filesystem::path& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) == 0) {
    return status;
  }
  if (errno == ENOENT) {
    return std::nullopt;
  }
  throw std::system_error(errno, std::system_category(), path.string());
}

void check_file(Findings& findings, const std::filesystem::path& path, const struct stat& status,
                ::uid_t owner) {
  const std::string name = path.string();
  if (!S_ISREG(status.st_mode)) {
    findings.add(Health::problem,
                 name + (S_ISLNK(status.st_mode) ? " is a symbolic link" : " is not a file"),
                 "replace it with the file itself");
    return;
  }
  if (status.st_uid != owner) {
    findings.add(Health::problem,
                 name + " belongs to " + user(status.st_uid) + ", the store to " + user(owner),
                 "chown " + std::to_string(owner) + " " + name);
  }
  if ((status.st_mode & kPermissions & ~kOwnerReadsAndWrites) != 0 ||
      (status.st_mode & kOwnerReadsAndWrites) != kOwnerReadsAndWrites) {
    findings.add(Health::problem,
                 name + " has mode " + octal(status.st_mode) +
                     ((status.st_mode & kOthers) != 0 ? ", so that others can access it" : ""),
                 "chmod 600 " + name);
  }
  if (status.st_nlink > 1) {
    findings.add(Health::warning, name + " has a second name (a hard link)",
                 "remove one of them: opened by the other one, the store is incomplete");
  }
}

/// Whether the windows move to another file, as far as this process can see.
bool are_moving(const StorePaths& paths) {
  try {
    return WindowFile::is_moving(paths.windows);
  } catch (const std::system_error&) {
    return false;
  }
}

void check_files_of_store(const StorePaths& paths, ::uid_t owner, const FindingVisitor& visit) {
  Findings findings("files", visit);
  int files = 0;
  for (const char* const suffix : kSuffixes) {
    const std::filesystem::path path = paths.database.string() + suffix;
    if (const auto status = look_at(path)) {
      check_file(findings, path, *status, owner);
      ++files;
    }
  }
  for (const char* const suffix : kLeftovers) {
    const std::filesystem::path path = paths.database.string() + suffix;
    const auto status = look_at(path);
    if (!status) {
      continue;
    }
    if (path == WindowFile::next_path(paths.windows) && are_moving(paths)) {
      check_file(findings, path, *status, owner);
    } else {
      findings.add(Health::warning,
                   path.string() + " is a partial file that an interrupted process left",
                   "delete it while nothing uses the store");
    }
  }
  if (::geteuid() != 0 && ::geteuid() != owner) {
    findings.add(Health::problem,
                 "the store belongs to " + user(owner) + " and you are " + user(::geteuid()),
                 "run nexakey as its owner");
  }
  findings.finish(paths.database.string() + " and " + std::to_string(files - 1) +
                  " beside it, mode 0600, of " + user(owner));
}

void check_folder(const StorePaths& paths, ::uid_t owner, const FindingVisitor& visit) {
  Findings findings("folder", visit);
  const auto folder = paths.database.parent_path();
  const auto status = look_at(folder);
  if (!status) {
    return;
  }
  if (status->st_uid != owner && status->st_uid != 0) {
    findings.add(
        Health::problem,
        folder.string() + " belongs to " + user(status->st_uid) + ", who can replace the store",
        "chown " + std::to_string(owner) + " " + folder.string());
  }
  if ((status->st_mode & kWritableByOthers) != 0) {
    findings.add(Health::problem,
                 folder.string() + " has mode " + octal(status->st_mode) +
                     ", so that others can put files into it",
                 "chmod go-w " + folder.string() + ", or move the store to a folder of its own");
  }
  findings.finish(folder.string() + ", mode " + octal(status->st_mode) +
                  ": no other user can write to it");
}

/// Sizes for messages.
std::string kibibytes(std::uint64_t bytes) { return std::to_string(bytes >> 10U) + " KiB"; }
std::string mebibytes(std::uint64_t bytes) { return std::to_string(bytes / kMebibyte) + " MiB"; }

void check_space(const StorePaths& paths, const FindingVisitor& visit) {
  Findings findings("space", visit);
  const auto folder = paths.database.parent_path();
  struct statvfs disk {};
  struct statfs system {};
  if (::statvfs(folder.c_str(), &disk) != 0 || ::statfs(folder.c_str(), &system) != 0) {
    throw std::system_error(errno, std::system_category(), folder.string());
  }
  if (std::ranges::count(kNetworkFileSystems, static_cast<std::uint32_t>(system.f_type)) != 0) {
    findings.add(Health::problem,
                 folder.string() + " is on a network file system, on which SQLite is not safe",
                 "move the store to a disk of this machine");
  }
  const std::uint64_t free = std::uint64_t{disk.f_bavail} * disk.f_frsize;
  if (free < kNoSpace || (disk.f_files != 0 && disk.f_favail == 0)) {
    findings.add(Health::problem,
                 "the disk is full: " + mebibytes(free) + " and " + std::to_string(disk.f_favail) +
                     " files are left",
                 "make room: on a full disk keys can be verified and revoked, no more");
  } else if (free < kLittleSpace) {
    findings.add(Health::warning, "only " + mebibytes(free) + " are left on the disk", "make room");
  }
  if (const std::size_t left = reserve_size(paths.reserve); left != kReserveSize) {
    findings.add(Health::warning,
                 "the reserve for a full disk has " + kibibytes(left) + " of " +
                     kibibytes(kReserveSize) + ": the disk was full, or the file was changed",
                 "make room: until the next change restores it, keys are verified, edited and"
                 " revoked, not created");
  }
  findings.finish(mebibytes(free) + " free, and a reserve for a full disk");
}

/// The log grows as long as a process keeps a transaction open.
void check_log(const StorePaths& paths, const FindingVisitor& visit) {
  Findings findings("log", visit);
  const std::string path = paths.database.string() + "-wal";
  const auto status = look_at(path);
  const auto size = status ? static_cast<std::uint64_t>(status->st_size) : 0;
  if (size >= kHeldLog) {
    const std::string readers = describe_readers(paths.database.string() + "-shm");
    findings.add(Health::warning,
                 path + " has grown to " + mebibytes(size) +
                     (readers.empty() ? ", because a transaction was open for long"
                                      : ": a transaction is open in " + readers),
                 readers.empty() ? "nothing has to be done: the next change empties the file"
                                 : "end the transaction: changes get slow, and the disk fills");
  }
  findings.finish(mebibytes(size) + " of changes that are not in keys.db yet");
}

/// Finds the processes that have deleted or replaced files of the store open.
void check_processes(const StorePaths& paths, const FindingVisitor& visit) {
  Findings findings("processes", visit);
  std::set<std::string> gone;
  // Not the windows, which regularly move to a new file.
  for (const char* const suffix : {"", "-wal", "-shm", "-lock", "-usage"}) {
    gone.insert(paths.database.string() + suffix + " (deleted)");
  }
  std::set<std::string> users;
  std::set<std::string> outdated;
  visit_open_files(
      paths.database.string(), [&](const std::string& process, const std::string& path) {
        users.insert(process);
        if (gone.contains(path) && outdated.insert(process).second) {
          findings.add(Health::problem,
                       "process " + process + " still has " +
                           path.substr(0, path.size() - std::string(" (deleted)").size()) +
                           " open, which was deleted or replaced",
                       "restart the process: it answers that the store is unavailable");
        }
      });
  findings.finish(users.empty() ? "no visible process has the store open"
                                : std::to_string(users.size()) + " with the store open");
}

}  // namespace

void check_files(const StorePaths& paths, const FindingVisitor& visit) {
  const auto database = look_at(paths.database);
  if (!database) {
    return;
  }
  check_files_of_store(paths, database->st_uid, visit);
  check_folder(paths, database->st_uid, visit);
  check_space(paths, visit);
  check_log(paths, visit);
  check_processes(paths, visit);
}

}  // namespace nexakey::store::sqlite
