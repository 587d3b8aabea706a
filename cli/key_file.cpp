#include "cli/key_file.h"

#include <cerrno>
#include <chrono>
#include <system_error>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/exit_status.h"
#include "core/text.h"
#include "system/rename.h"

namespace nexakey::cli {
namespace {

using core::ErrorCode;
using system::Descriptor;

constexpr std::string_view kStagedEnd = ".new";
/// More than a secret, an id and the path of a store have.
constexpr std::size_t kMaxContent = 8192;
/// How long another command may keep a folder: longer than a request to a store takes.
constexpr std::chrono::seconds kLockTime{120};
constexpr std::chrono::milliseconds kLockPause{10};

std::filesystem::path folder_of(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
}

std::string text_of(int error) { return std::system_category().message(error); }

[[noreturn]] void fail_in_the_way(const std::filesystem::path& path, const SecretKind& kind) {
  throw Failure{{ErrorCode::conflict, path.string() + " is not a " + kind.name + " file",
                 "name another file, or move this one away"}};
}

/// The beginning of a regular file; nothing if the file does not exist. Whoever calls wipes it.
std::optional<std::string> read_file(const std::filesystem::path& path, const SecretKind& kind) {
  const Descriptor file(
      ::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
  if (!file.is_open() && errno == ENOENT) {
    return std::nullopt;
  }
  if (!file.is_open() && errno == ELOOP) {
    fail_in_the_way(path, kind);
  }
  struct stat status {};
  std::string text;
  if (!file.is_open() || ::fstat(file.value(), &status) != 0) {
    throw Failure{{ErrorCode::failed, path.string() + " cannot be read: " + text_of(errno), ""}};
  }
  if (!S_ISREG(status.st_mode)) {
    fail_in_the_way(path, kind);
  }
  if (!system::read_up_to(file.value(), kMaxContent, text)) {
    const int error = errno;
    core::wipe(text);
    throw Failure{{ErrorCode::failed, path.string() + " cannot be read: " + text_of(error), ""}};
  }
  return text;
}

/// Whether `text` is what remains of a file that was not written completely: the beginning of a
/// staged secret, or nothing.
bool is_beginning(std::string_view text, const core::CredentialForm& form) {
  const std::string_view prefix = form.prefix.substr(0, text.size());
  return text.size() < form.length() && text.starts_with(prefix) &&
         text.substr(prefix.size())
                 .find_first_not_of(
                     "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") == text.npos;
}

/// Attributes of a file (statx(2)) that decide whether a rename may replace or remove it.
struct Attributes {
  bool is_frozen = false;  ///< immutable, or append-only
  bool is_mount = false;
};

Attributes attributes_of(const std::filesystem::path& path) {
  struct statx status {};
  if (::statx(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW, 0, &status) != 0) {
    return {};
  }
  const auto has = [&](std::uint64_t attribute) {
    return (status.stx_attributes & attribute) != 0;
  };
  return {.is_frozen = has(STATX_ATTR_IMMUTABLE) || has(STATX_ATTR_APPEND),
          .is_mount = has(STATX_ATTR_MOUNT_ROOT)};
}

/// Whether a sticky folder (inode(7)) keeps this user from replacing a file in it.
bool is_protected(const std::filesystem::path& path) {
  struct stat folder {};
  struct stat file {};
  const uid_t user = ::geteuid();
  return user != 0 && ::stat(folder_of(path).c_str(), &folder) == 0 &&
         ::lstat(path.c_str(), &file) == 0 && (folder.st_mode & S_ISVTX) != 0 &&
         folder.st_uid != user && file.st_uid != user;
}

}  // namespace

KeyFile::KeyFile(std::filesystem::path path, const SecretKind& kind, std::string_view store)
    : path_(std::move(path)),
      staged_(folder_of(path_) / ("." + path_.filename().string() + std::string(kStagedEnd))),
      copy_(staged_.string() + ".copy"),
      kind_(&kind),
      store_(core::printable(store)),
      folder_(::open(folder_of(path_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
  if (!folder_.is_open() || path_.filename().empty()) {
    fail(folder_.is_open() ? ENOENT : errno);
  }
  lock_folder();
  static_cast<void>(::unlink(copy_.c_str()));  // of an interrupted command
  std::error_code ignored;
  const auto type = std::filesystem::symlink_status(path_, ignored).type();
  if (type == std::filesystem::file_type::regular) {
    auto text = read_file(path_, kind);
    const std::string_view line = std::string_view(*text).substr(0, kind.form.length());
    const bool is_whole = text->find_first_not_of("\r\n", line.size()) == std::string::npos;
    content_ = text->empty() ? Content::empty : Content::other;
    if (is_whole && kind.form.matches(line)) {
      content_ = Content::secret;
      current_ = core::hash_credential(line);
    }
    core::wipe(*text);
  } else if (type != std::filesystem::file_type::not_found) {
    content_ = Content::other;
  }
  read_staged();
}

/// Some file systems, such as NFS, cannot lock folders. There, commands at once are kept apart only
/// by the exclusive creation of `.NAME.new`.
void KeyFile::lock_folder() const {
  const auto end = std::chrono::steady_clock::now() + kLockTime;
  while (::flock(folder_.value(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EBADF || errno == ENOLCK || errno == EOPNOTSUPP || errno == EINVAL) {
      return;
    }
    if (errno != EINTR && errno != EWOULDBLOCK) {
      fail(errno);
    }
    if (std::chrono::steady_clock::now() >= end) {
      throw Failure{{ErrorCode::failed, "another command uses " + folder_of(path_).string(),
                     "run the command again when that has ended"}};
    }
    std::this_thread::sleep_for(kLockPause);
  }
}

void KeyFile::read_staged() {
  auto text = read_file(staged_, *kind_);
  if (!text) {
    return;
  }
  const auto lines = core::split(*text, '\n');
  const std::string_view secret = lines.front();
  if (is_beginning(*text, kind_->form)) {
    core::wipe(*text);
    discard();  // nothing was stored
    return;
  }
  if (!kind_->form.matches(secret) || lines.size() > 4 ||
      (lines.size() > 2 && !lines.back().empty())) {
    core::wipe(*text);
    fail_in_the_way(staged_, *kind_);
  }
  StagedSecret rest;
  rest.hash = core::hash_credential(secret);
  if (lines.size() > 1) {
    rest.id = lines[1].substr(0, lines[1].find(' '));
    rest.store = lines[1].substr(std::min(rest.id.size() + 1, lines[1].size()));
  }
  if (lines.size() > 3) {
    rest.replaces = lines[2];
  }
  rest.secret = core::Secret(std::string(secret));
  core::wipe(*text);
  rest_ = std::move(rest);
}

void KeyFile::fail_foreign() const {
  const std::string what = rest_->id.empty() ? std::string("a ") + kind_->name : rest_->id;
  throw Failure{{ErrorCode::conflict,
                 staged_.string() + " has " + what +
                     (rest_->store.empty() ? "" : " of " + rest_->store) +
                     ", which an interrupted command left and this store does not have",
                 "run that command again with its store, or move the file away"}};
}

void KeyFile::check_replaceable() const {
  const Attributes attributes = attributes_of(path_);
  if (attributes.is_frozen || attributes_of(folder_of(path_)).is_frozen || is_protected(path_)) {
    fail(EPERM);
  }
  if (attributes.is_mount &&
      !Descriptor(::open(path_.c_str(), O_WRONLY | O_NOFOLLOW | O_CLOEXEC)).is_open()) {
    fail(errno);
  }
}

void KeyFile::stage(const core::Secret& secret, const std::string& id,
                    const std::string& replaces) {
  const Descriptor file(
      ::open(staged_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file.is_open()) {
    fail(errno);
  }
  const core::Secret text(std::string(secret.reveal()) + "\n" + id + " " + store_ + "\n" +
                          replaces + (replaces.empty() ? "" : "\n"));
  if (!system::write_all(file.value(), text.reveal()) || ::fsync(file.value()) != 0 ||
      ::fsync(folder_.value()) != 0) {
    const int error = errno;
    discard();
    fail(error);
  }
}

void KeyFile::discard() {
  if (::unlink(staged_.c_str()) != 0 && errno != ENOENT) {
    fail(errno);
  }
  rest_.reset();
}

/// Leaves only the secret in `.NAME.new`. False if that fails; see errno.
bool KeyFile::strip_staged() {
  const Descriptor file(::open(staged_.c_str(), O_WRONLY | O_NOFOLLOW | O_CLOEXEC));
  const auto size = static_cast<off_t>(kind_->form.length() + 1);
  return file.is_open() && ::ftruncate(file.value(), size) == 0 && ::fsync(file.value()) == 0;
}

void KeyFile::publish() {
  // An empty file is left if a placeholder was not replaced (system::rename_new).
  const bool has_placeholder = content_ == Content::empty && rest_;
  if (!strip_staged() || !(has_placeholder ? ::rename(staged_.c_str(), path_.c_str()) == 0
                                           : system::rename_new(staged_, path_))) {
    fail(errno);
  }
}

/// Writes only the secret that is staged to `.NAME.new.copy`.
void KeyFile::copy_staged() const {
  auto text = read_file(staged_, *kind_);
  const core::Secret whole(text ? std::move(*text) : std::string());
  const std::string_view line = whole.reveal().substr(0, kind_->form.length() + 1);
  const Descriptor file(
      ::open(copy_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (line.empty() || !file.is_open() || !system::write_all(file.value(), line) ||
      ::fsync(file.value()) != 0) {
    fail_to_publish(errno);
  }
}

void KeyFile::replace(Staged staged) {
  if (staged == Staged::kept) {
    copy_staged();
  } else if (!strip_staged()) {
    fail_to_publish(errno);
  }
  const std::filesystem::path& source = staged == Staged::kept ? copy_ : staged_;
  if (attributes_of(path_).is_mount) {
    return write_in_place(source);
  }
  struct stat old {};
  if (::lstat(path_.c_str(), &old) == 0) {
    // The readers of the file must be able to read its successor. Only root can change the owner.
    const Descriptor file(::open(source.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    if (file.is_open() && ::fchown(file.value(), old.st_uid, old.st_gid) == 0) {
      ::fchmod(file.value(), (old.st_mode & S_IRGRP) | S_IRUSR | S_IWUSR);
    }
  }
  if (::rename(source.c_str(), path_.c_str()) == 0) {
    return;
  }
  if (errno != EBUSY) {
    fail_to_publish(errno);
  }
  write_in_place(source);
}

/// Writes the secret in `source` into the existing file, and deletes `source`. The old and the new
/// secret have the same length, so that one write replaces all of it.
void KeyFile::write_in_place(const std::filesystem::path& source) {
  auto text = read_file(source, *kind_);
  const core::Secret secret(text ? std::move(*text) : std::string());
  const Descriptor file(::open(path_.c_str(), O_WRONLY | O_NOFOLLOW | O_CLOEXEC));
  if (secret.empty() || !file.is_open() || !system::write_all(file.value(), secret.reveal()) ||
      ::ftruncate(file.value(), static_cast<off_t>(secret.reveal().size())) != 0 ||
      ::fsync(file.value()) != 0 || ::unlink(source.c_str()) != 0) {
    fail_to_publish(errno);
  }
}

void KeyFile::sync_folder() const {
  if (::fsync(folder_.value()) != 0) {
    throw Failure{{ErrorCode::failed,
                   path_.string() + " has the new " + kind_->name + ", but its folder cannot be " +
                       "synced: " + text_of(errno) + ": a power cut could undo this step",
                   "run sync(1)"}};
  }
}

void KeyFile::fail(int error) const {
  const bool exists = error == EEXIST;
  throw Failure{{exists ? ErrorCode::conflict : ErrorCode::failed,
                 std::string("the ") + kind_->name + " cannot be written to " + path_.string() +
                     ": " + text_of(error),
                 exists ? "name a new file" : ""}};
}

void KeyFile::fail_to_publish(int error) const {
  throw Failure{{ErrorCode::failed,
                 std::string("the new ") + kind_->name + " is in " + staged_.string() +
                     " and cannot be moved to " + path_.string() + ": " + text_of(error),
                 "fix that and run the command again"}};
}

std::vector<std::filesystem::path> staged_files(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> found;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (name.size() > 1 + kStagedEnd.size() && name.starts_with('.') &&
        name.ends_with(kStagedEnd)) {
      found.push_back(folder / name.substr(1, name.size() - 1 - kStagedEnd.size()));
    }
  }
  return found;
}

}  // namespace nexakey::cli
