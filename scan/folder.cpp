#include "scan/folder.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <system_error>

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace nexakey::scan {
namespace {

mode_t type_of(int folder, const dirent& entry) {
  if (entry.d_type != DT_UNKNOWN) {
    return static_cast<mode_t>(DTTOIF(entry.d_type));
  }
  struct stat status {};
  const bool is_known = ::fstatat(folder, &entry.d_name[0], &status, AT_SYMLINK_NOFOLLOW) == 0;
  return is_known ? status.st_mode : 0;
}

}  // namespace

FolderPointer open_folder(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  return descriptor < 0 ? nullptr : make_folder(descriptor, path);
}

FolderPointer make_folder(int descriptor, const std::string& path) {
  const std::string prefix = path == "." ? "" : path.ends_with('/') ? path : path + "/";
  return std::shared_ptr<const Folder>(new Folder{system::Descriptor(descriptor), prefix});
}

int open_below(const Folder& folder, const std::string& name, std::uint64_t flags) {
  open_how how{};
  how.flags = flags | O_RDONLY | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
  const long opened =
      ::syscall(SYS_openat2, folder.descriptor.value(), name.c_str(), &how, sizeof how);
  if (opened >= 0 || errno != ENOSYS) {
    return static_cast<int>(opened);
  }
  return ::openat(folder.descriptor.value(), name.c_str(),
                  static_cast<int>(flags) | O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
}

bool is_not_a_file(int error) {
  return error == ENOENT || error == ENOTDIR || error == ELOOP || error == ENXIO;
}

std::string reason_of(int error) { return std::system_category().message(error); }

std::string read_link(int folder, const char* name) {
  std::string target(PATH_MAX, '\0');
  const ssize_t count = ::readlinkat(folder, name, target.data(), target.size());
  target.resize(static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
  return target;
}

Opener::Entry Opener::entry_of(const FileName& file) {
  const std::size_t length = file.name.rfind('/') + 1;  // 0: it is in the folder itself
  const int folder = length == 0 ? file.folder->descriptor.value()
                                 : folder_below(file.folder, {file.name.data(), length});
  return {folder, file.name.c_str() + length};
}

system::Descriptor Opener::open(const FileName& file) {
  const Entry entry = entry_of(file);
  if (entry.folder < 0) {
    return system::Descriptor(-1);
  }
  return system::Descriptor(::openat(entry.folder, entry.name,
                                     O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY));
}

std::string Opener::read_link(const FileName& file) {
  const Entry entry = entry_of(file);
  return entry.folder < 0 ? "" : scan::read_link(entry.folder, entry.name);
}

int Opener::folder_below(const FolderPointer& top, std::string_view name) {
  if (!last_.is_open() || top_ != top || name_ != name) {
    top_ = top;
    name_ = name;
    last_.reset(open_below(*top, name_, O_PATH | O_DIRECTORY));
  }
  return last_.value();
}

Entries read_entries(int descriptor) {
  Entries entries;
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::fdopendir(descriptor), ::closedir);
  while (const dirent* const entry = folder ? ::readdir(folder.get()) : nullptr) {
    const std::string name = &entry->d_name[0];
    if (name == ".git") {
      entries.has_git = true;
    } else if (name != "." && name != "..") {
      const mode_t type = type_of(descriptor, *entry);
      if (S_ISDIR(type)) {
        entries.folders.push_back(name);
      } else if (S_ISREG(type) || S_ISLNK(type)) {
        entries.files.push_back(name);
      }
    }
  }
  return entries;
}

}  // namespace nexakey::scan
