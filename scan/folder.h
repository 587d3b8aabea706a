#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "system/descriptor.h"

namespace nexakey::scan {

/// An open folder. Files are opened relative to it, so that no symbolic link leads out of it.
struct Folder {
  system::Descriptor descriptor;
  std::string path;  ///< for messages, ending in a slash; empty: the current folder

  /// The path as git(1) takes it after -C.
  [[nodiscard]] std::string name() const { return path.empty() ? "." : path; }
};
using FolderPointer = std::shared_ptr<const Folder>;

/// A file in a folder or below it.
struct FileName {
  FolderPointer folder;
  std::string name;
};

/// Opens the folder at `path`, following symbolic links. Null if that fails, see errno.
FolderPointer open_folder(const std::string& path);
/// Takes over the descriptor of an open folder.
FolderPointer make_folder(int descriptor, const std::string& path);

/// Opens `name` below a folder for reading, following no symbolic link on the way (openat2(2);
/// before Linux 5.6, and where openat2 is forbidden, only the last part is checked). Returns the
/// descriptor, or a negative number if that fails, see errno. `flags`: more flags of open(2).
int open_below(const Folder& folder, const std::string& name, std::uint64_t flags);

/// Whether errno after a failed open means that there is no file to search: it has been removed,
/// perhaps with its folder, or is a symbolic link or a socket. Other errors are reported.
bool is_not_a_file(int error);

/// The text of an errno value, such as "Permission denied".
std::string reason_of(int error);

/// Opens the files of one thread. Files of one folder usually follow one another, so that the path
/// of a folder is resolved once for all of them.
class Opener {
 public:
  /// Opens a file without blocking on a pipe or device. Not open if that fails, see errno.
  system::Descriptor open(const FileName& file);
  /// The target of a symbolic link; empty if that fails.
  std::string read_link(const FileName& file);

 private:
  struct Entry {
    int folder;  ///< negative if it cannot be opened
    const char* name;
  };
  Entry entry_of(const FileName& file);
  int folder_below(const FolderPointer& top, std::string_view name);

  FolderPointer top_;
  std::string name_;
  system::Descriptor last_{-1};
};

/// The target of a symbolic link; empty if that fails.
std::string read_link(int folder, const char* name);

/// The files and folders in a folder, without pipes and devices.
struct Entries {
  std::vector<std::string> files;  ///< and symbolic links
  std::vector<std::string> folders;
  bool has_git = false;  ///< there is a `.git`, which is in neither list
};

/// Reads the entries of an open folder, and closes its descriptor.
Entries read_entries(int descriptor);

}  // namespace nexakey::scan
