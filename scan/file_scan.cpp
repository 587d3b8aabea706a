#include "scan/file_scan.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <system_error>
#include <thread>

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/text.h"
#include "scan/document_scanner.h"
#include "scan/git.h"
#include "scan/work_queue.h"

namespace nexakey::scan {
namespace {

/// A folder that files are opened in, so that no symbolic link leads out of it.
struct Folder {
  system::Descriptor descriptor;
  std::string path;  ///< with a slash behind it, or empty: the one where the process is
};
using FolderPointer = std::shared_ptr<const Folder>;

/// A file that lies in a folder or below it.
struct FileName {
  FolderPointer folder;
  std::string name;
};

std::string reason_of(int error) { return std::system_category().message(error); }

int open_below(const Folder& folder, const std::string& name, std::uint64_t flags) {
  open_how how{};
  how.flags = flags | O_RDONLY | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
  const long opened =
      ::syscall(SYS_openat2, folder.descriptor.value(), name.c_str(), &how, sizeof how);
  if (opened >= 0 || errno != ENOSYS) {
    return static_cast<int>(opened);
  }
  // Before Linux 5.6, and where it is forbidden: at least the file itself is no link.
  return ::openat(folder.descriptor.value(), name.c_str(),
                  static_cast<int>(flags) | O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
}

/// Whether a file that cannot be opened is none to search: it has gone, perhaps with its folder, or
/// is a link or a socket.
bool is_no_file(int error) {
  return error == ENOENT || error == ENOTDIR || error == ELOOP || error == ENXIO;
}

/// Opens files, one thread's. Those of one folder mostly come together, so the way to it is gone
/// once for all of them.
class Opener {
 public:
  system::Descriptor open(const FileName& file) {
    const std::size_t length = file.name.rfind('/') + 1;  // 0: it lies in the folder itself
    const int folder = length == 0 ? file.folder->descriptor.value()
                                   : folder_below(file.folder, {file.name.data(), length});
    if (folder < 0) {
      return system::Descriptor(-1);
    }
    return system::Descriptor(::openat(folder, file.name.c_str() + length,
                                       O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY));
  }

 private:
  int folder_below(const FolderPointer& top, std::string_view name) {
    if (!last_.is_open() || top_ != top || name_ != name) {
      top_ = top;
      name_ = name;
      last_.reset(open_below(*top, name_, O_PATH | O_DIRECTORY));
    }
    return last_.value();
  }

  FolderPointer top_;
  std::string name_;
  system::Descriptor last_{-1};
};

/// A file, which ends where it did when it was opened: that saves asking. What has no size (files
/// of /proc) is read as long as something comes.
class FileSource final : public ByteSource {
 public:
  FileSource(int descriptor, std::uint64_t size) : rest_(descriptor), size_(size) {}
  core::Result<std::size_t> read(char* buffer, std::size_t size) override {
    if (size_ > 0 && taken_ >= size_) {
      return 0;
    }
    auto count = rest_.read(buffer, size);
    taken_ += count.value_or(0);
    return count;
  }

 private:
  DescriptorSource rest_;
  std::uint64_t size_;
  std::uint64_t taken_ = 0;
};

void scan_file(const FileName& name, Opener& opener, DocumentScanner& scanner, LeakSink& sink) {
  const system::Descriptor file = opener.open(name);
  if (!file.is_open()) {
    if (!is_no_file(errno)) {
      sink.warn({.path = name.folder->path + name.name}, reason_of(errno));
    }
    return;
  }
  struct stat status {};
  if (::fstat(file.value(), &status) == 0 && S_ISREG(status.st_mode)) {
    FileSource source(file.value(), static_cast<std::uint64_t>(status.st_size));
    scanner.scan(source, {.path = name.folder->path + name.name});
  }
}

/// Threads that search files while others are still being found.
class Workers {
 public:
  explicit Workers(LeakSink& sink) : queue_(kMaxWaiting, count_threads()) {
    for (unsigned i = 0; i < count_threads(); ++i) {
      threads_.emplace_back([this, &sink] { work(sink); });
    }
  }
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;
  ~Workers() { queue_.close(); }  // the threads finish what is waiting

  void add(const FolderPointer& folder, std::string name) {
    queue_.push({folder, std::move(name)});
  }

 private:
  void work(LeakSink& sink) {
    Opener opener;
    DocumentScanner scanner(sink);
    for (auto files = queue_.pop(); !files.empty(); files = queue_.pop()) {
      for (const FileName& file : files) {
        scan_file(file, opener, scanner, sink);
      }
    }
  }

  static unsigned count_threads() { return std::max(1U, std::thread::hardware_concurrency()); }

  static constexpr std::size_t kMaxWaiting = 1024;
  WorkQueue<FileName> queue_;
  std::vector<std::jthread> threads_;
};

/// Finds the files of folders.
class Walk {
 public:
  Walk(bool ignored, LeakSink& sink) : ignored_(ignored), sink_(&sink), workers_(sink) {}

  void add_folder(const std::string& path) {
    const auto folder = open_folder(path);
    if (!folder) {
      sink_->warn({.path = path}, reason_of(errno));
    } else if (ignored_ || !is_in_work_tree(path, *folder) || !add_work_tree(folder, {})) {
      add_below(folder);
    }
  }

 private:
  struct Pending {
    FolderPointer folder;
    std::string name;  // with a slash behind it, or empty: the folder itself
  };
  struct Entries {
    std::vector<std::string> files;
    std::vector<std::string> folders;
    bool has_git = false;
  };

  static FolderPointer open_folder(const std::string& path) {
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return descriptor < 0 ? nullptr : make_folder(descriptor, path);
  }
  static FolderPointer make_folder(int descriptor, const std::string& path) {
    const std::string prefix = path == "." ? "" : path.ends_with('/') ? path : path + "/";
    return std::shared_ptr<const Folder>(new Folder{system::Descriptor(descriptor), prefix});
  }
  static std::string path_of(const Folder& folder) {
    return folder.path.empty() ? "." : folder.path;
  }

  /// Whether a folder that was named lies in a work tree that does not ignore it. The path is
  /// absolute, so that git refuses it if core.worktree of the repository names another folder.
  bool is_in_work_tree(const std::string& path, const Folder& folder) {
    std::error_code error;
    const std::string whole = std::filesystem::canonical(path, error).string();
    const auto check_ignore = [&](std::vector<std::string> options) {
      options.insert(options.begin(), {"-C", path, "check-ignore", "--quiet"});
      options.insert(options.end(), {"--", whole});
      Git git(options, GitScope::directory);
      git.finish();
      note_hang(git, folder);
      return git.finish();
    };
    constexpr int kIgnored = 0;
    constexpr int kNotIgnored = 1;
    const int status = error ? -1 : check_ignore({"--no-index"});
    // A tracked file in it makes a folder one that is not ignored; but to read the index takes
    // longer, and is seldom needed.
    return status == kNotIgnored || (status == kIgnored && check_ignore({}) == kNotIgnored);
  }

  /// Reports a git that hung. Its folder is then searched as one that is not a work tree.
  void note_hang(const Git& git, const Folder& folder) {
    if (git.has_hung()) {
      ++hung_;
      sink_->warn({.path = path_of(folder)},
                  "git hung in this repository and was ended, so that nothing is ignored in it");
    }
  }

  /// Adds the files of a work tree that git has or would take; false: it is not a work tree, or git
  /// hangs on it.
  bool add_work_tree(const FolderPointer& folder, const std::vector<std::string>& options) {
    if (hung_ == kMaxHung) {
      sink_->warn({.path = path_of(*folder)},
                  "git hung too often to be run in this repository, so that nothing is ignored "
                  "in it");
      return false;
    }
    Git tracked = list_files(*folder, options, {"--stage"});
    Git others = list_files(*folder, options, {"--others", "--exclude-standard"});
    const bool has_tracked = add_tracked(folder, tracked);
    if (tracked.finish() != 0 && !has_tracked) {
      note_hang(tracked, *folder);
      return false;
    }
    const bool has_others = add_others(folder, others);
    hung_ += tracked.has_hung() || others.has_hung() ? 1 : 0;
    const bool is_whole = tracked.finish() == 0 && others.finish() == 0;
    if (!is_whole && (has_tracked || has_others)) {
      const Git& failed = tracked.finish() == 0 ? others : tracked;
      sink_->warn({.path = path_of(*folder)}, "git ls-files failed: " + failed.complaint());
      return true;
    }
    return is_whole;
  }

  static Git list_files(const Folder& folder, const std::vector<std::string>& options,
                        const std::vector<std::string>& kinds) {
    std::vector<std::string> words{"-C", path_of(folder)};
    words.insert(words.end(), options.begin(), options.end());
    words.insert(words.end(), {"ls-files", "-z"});
    words.insert(words.end(), kinds.begin(), kinds.end());
    return Git(words, GitScope::directory);
  }

  /// Adds the files of the index, each once, though a conflict has several sides.
  bool add_tracked(const FolderPointer& folder, Git& git) {
    PartReader reader(git);
    std::string name;
    bool is_submodule = false;
    bool has_any = false;
    for (std::string part; reader.next(part);) {  // MODE OBJECT STAGE<TAB>NAME
      std::string next = part.substr(part.find('\t') + 1);
      if (next != name) {
        add_name(folder, std::exchange(name, std::move(next)), is_submodule);
        is_submodule = false;
      }
      is_submodule = is_submodule || part.starts_with("160000");
      has_any = true;
    }
    add_name(folder, std::move(name), is_submodule);
    return has_any;
  }

  /// Adds what the work tree has under a name of the index, which may be of another type there: a
  /// file or a repository in the place of either, or a file in the place of a symbolic link.
  void add_name(const FolderPointer& folder, std::string name, bool is_submodule) {
    if (name.empty()) {
      return;
    }
    const std::string inner = name + "/.git";
    if (is_submodule ||
        ::faccessat(folder->descriptor.value(), inner.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
      add_inner_repository(folder, name);
    } else {
      workers_.add(folder, std::move(name));
    }
  }

  bool add_others(const FolderPointer& folder, Git& git) {
    PartReader reader(git);
    std::string name;
    bool has_any = false;
    while (reader.next(name)) {
      has_any = true;
      if (name.ends_with('/')) {
        add_inner_repository(folder, name);
      } else {
        workers_.add(folder, std::exchange(name, {}));
      }
    }
    return has_any;
  }

  /// Adds a repository or submodule of the work tree, or the file in its place.
  void add_inner_repository(const FolderPointer& folder, const std::string& name) {
    const int descriptor = open_below(*folder, name, O_DIRECTORY);
    if (descriptor < 0) {
      if (errno == ENOTDIR) {
        workers_.add(folder, name);
      } else if (!is_no_file(errno)) {
        sink_->warn({.path = folder->path + name}, reason_of(errno));
      }
      return;
    }
    const FolderPointer inner = make_folder(descriptor, folder->path + name);
    // A submodule that is not checked out is an empty folder of the work tree around it.
    if (::faccessat(descriptor, ".git", F_OK, AT_SYMLINK_NOFOLLOW) != 0 ||
        !add_inner_work_tree(inner)) {
      add_below(inner);
    }
  }

  void add_below(const FolderPointer& top) {
    std::vector<Pending> pending{{top, ""}};
    while (!pending.empty()) {
      Pending next = std::move(pending.back());
      pending.pop_back();
      const int descriptor =
          open_below(*next.folder, next.name.empty() ? "." : next.name, O_DIRECTORY);
      if (descriptor < 0) {
        if (!is_no_file(errno)) {
          sink_->warn({.path = next.folder->path + next.name}, reason_of(errno));
        }
        continue;
      }
      // The system takes no path as long as a folder can be deep.
      constexpr std::size_t kMaxNameLength = 2000;
      if (next.name.size() > kMaxNameLength) {
        next.folder = make_folder(::dup(descriptor), next.folder->path + next.name);
        next.name.clear();
      }
      add_entries(next, descriptor, next.folder != top || !next.name.empty(), pending);
    }
  }

  /// Takes the descriptor over.
  void add_entries(const Pending& at, int descriptor, bool is_inner,
                   std::vector<Pending>& pending) {
    const Entries entries = read_entries(descriptor);
    if (entries.has_git && is_inner && !ignored_ && add_inner_work_tree(at)) {
      return;
    }
    for (const std::string& file : entries.files) {
      workers_.add(at.folder, at.name + file);
    }
    for (const std::string& folder : entries.folders) {
      pending.push_back({at.folder, at.name + folder + "/"});
    }
  }

  bool add_inner_work_tree(const Pending& at) {
    const int descriptor = open_below(*at.folder, at.name.empty() ? "." : at.name, O_DIRECTORY);
    return descriptor >= 0 &&
           add_inner_work_tree(make_folder(descriptor, at.folder->path + at.name));
  }

  /// Its work tree is where its .git is, whatever core.worktree says.
  bool add_inner_work_tree(const FolderPointer& folder) {
    return add_work_tree(folder, {"--work-tree=."});
  }

  static Entries read_entries(int descriptor) {
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
        } else if (S_ISREG(type)) {
          entries.files.push_back(name);
        }
      }
    }
    return entries;
  }
  static mode_t type_of(int folder, const dirent& entry) {
    if (entry.d_type != DT_UNKNOWN) {
      return static_cast<mode_t>(DTTOIF(entry.d_type));
    }
    struct stat status {};
    return ::fstatat(folder, &entry.d_name[0], &status, AT_SYMLINK_NOFOLLOW) == 0 ? status.st_mode
                                                                                  : 0;
  }

  /// So many repositories may make git hang before the others are searched without git.
  static constexpr int kMaxHung = 3;

  bool ignored_;
  LeakSink* sink_;
  Workers workers_;
  int hung_ = 0;
};

void scan_named(const std::string& path, DocumentScanner& scanner, LeakSink& sink) {
  const system::Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!file.is_open()) {
    sink.warn({.path = path}, reason_of(errno));
    return;
  }
  DescriptorSource source(file.value());
  scanner.scan(source, {.path = path});
}

core::Result<bool> is_folder(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0 && (errno == ENOENT || errno == ENOTDIR)) {
    return core::fail(core::ErrorCode::usage, "there is no " + core::quote(path));
  }
  return S_ISDIR(status.st_mode);
}

}  // namespace

core::Result<void> scan_paths(const std::vector<std::string>& paths, bool ignored, LeakSink& sink) {
  std::vector<std::string> folders;
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    const auto folder = path == "-" ? core::Result<bool>(false) : is_folder(path);
    if (!folder) {
      return tl::unexpected(folder.error());
    }
    (*folder ? folders : files).push_back(path);
  }
  DocumentScanner scanner(sink);
  for (const std::string& path : files) {
    if (path == "-") {
      DescriptorSource source(STDIN_FILENO);
      scanner.scan(source, {.path = path});
    } else {
      scan_named(path, scanner, sink);
    }
  }
  if (!folders.empty()) {
    Walk walk(ignored, sink);
    for (const std::string& folder : folders) {
      walk.add_folder(folder);
    }
  }
  return {};
}

}  // namespace nexakey::scan
