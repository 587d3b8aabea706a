#include "cli/rotation_file.h"

#include <cerrno>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/exit_status.h"

namespace nexakey::cli {
namespace {

using core::ErrorCode;

constexpr std::string_view kStagedEnd = ".new";

[[noreturn]] void fail(const std::filesystem::path& path, int error = errno) {
  throw Failure{
      {ErrorCode::failed,
       path.string() + " cannot be used for a key: " + std::system_category().message(error), ""}};
}

[[noreturn]] void fail_in_the_way(const std::filesystem::path& path) {
  throw Failure{{ErrorCode::conflict, path.string() + " is not a key file",
                 "name another file, or move this one away"}};
}

std::filesystem::path folder_of(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
}

/// The contents of a file.
struct Content {
  bool is_there = false;
  std::size_t size = 0;
  std::optional<core::KeyHash> key{};
};

Content read_content(const std::filesystem::path& path) {
  const system::Descriptor file(
      ::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
  if (!file.is_open()) {
    if (errno == ENOENT) {
      return {};
    }
    if (errno == ELOOP) {
      fail_in_the_way(path);
    }
    fail(path);
  }
  struct stat status {};
  if (::fstat(file.value(), &status) != 0) {
    fail(path);
  }
  if (!S_ISREG(status.st_mode)) {
    fail_in_the_way(path);
  }
  // A key, a newline, and one byte to detect longer files.
  std::string text;
  if (!system::read_up_to(file.value(), core::kApiKeyLength + 2, text)) {
    fail(path);
  }
  Content content{.is_there = true, .size = text.size()};
  const std::string_view line = std::string_view(text).substr(0, core::kApiKeyLength);
  if ((text.size() == line.size() || std::string_view(text).substr(line.size()) == "\n") &&
      core::is_api_key(line)) {
    content.key = core::hash_api_key(line);
  }
  core::wipe(text);
  return content;
}

}  // namespace

RotationFile::RotationFile(std::filesystem::path path)
    : path_(std::move(path)),
      staged_(folder_of(path_) / ("." + path_.filename().string() + std::string(kStagedEnd))),
      folder_(::open(folder_of(path_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
  if (!folder_.is_open() || path_.filename().empty()) {
    fail(path_, folder_.is_open() ? EISDIR : errno);
  }
  while (::flock(folder_.value(), LOCK_EX) != 0) {
    if (errno != EINTR) {
      fail(folder_of(path_));
    }
  }
  const Content current = read_content(path_);
  if (current.is_there && !current.key) {
    fail_in_the_way(path_);
  }
  current_ = current.key;
  const Content rest = read_content(staged_);
  // An interrupted write leaves at most a key and a newline.
  if (rest.is_there && rest.size > core::kApiKeyLength + 1) {
    fail_in_the_way(staged_);
  }
  has_rest_ = rest.is_there;
  rest_ = rest.key;
}

void RotationFile::stage(const core::Secret& secret) {
  {
    const system::Descriptor file(
        ::open(staged_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file.is_open()) {
      fail(staged_);
    }
    has_rest_ = true;
    if (!system::write_all(file.value(), secret.reveal()) ||
        !system::write_all(file.value(), "\n") || ::fsync(file.value()) != 0) {
      const int error = errno;
      discard();
      fail(staged_, error);
    }
  }
  sync_folder();
}

void RotationFile::discard() {
  if (::unlink(staged_.c_str()) != 0 && errno != ENOENT) {
    fail(staged_);
  }
  has_rest_ = false;
  rest_.reset();
}

void RotationFile::publish() {
  struct stat old {};
  if (::lstat(path_.c_str(), &old) == 0) {
    // The readers of the file must be able to read its successor. Only root can change the owner.
    const system::Descriptor file(::open(staged_.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    if (file.is_open() && ::fchown(file.value(), old.st_uid, old.st_gid) == 0) {
      ::fchmod(file.value(), (old.st_mode & S_IRGRP) | S_IRUSR | S_IWUSR);
    }
  }
  if (::rename(staged_.c_str(), path_.c_str()) != 0) {
    const int error = errno;
    throw Failure{{ErrorCode::failed,
                   "the new key is in " + staged_.string() + " and cannot be moved to " +
                       path_.string() + ": " + std::system_category().message(error),
                   "fix that and run the command again"}};
  }
  sync_folder();
}

void RotationFile::sync_folder() const {
  if (::fsync(folder_.value()) != 0) {
    fail(folder_of(path_));
  }
}

std::vector<std::filesystem::path> interrupted_rotations(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> found;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    std::string name = entry.path().filename().string();
    if (name.size() > 1 + kStagedEnd.size() && name.starts_with('.') &&
        name.ends_with(kStagedEnd) && entry.is_regular_file() && read_content(entry.path()).key) {
      found.push_back(folder / name.substr(1, name.size() - 1 - kStagedEnd.size()));
    }
  }
  return found;
}

std::string file_name_of(std::string_view key_name) {
  std::string name;
  for (const char c : key_name) {
    if (c == '/') {
      name += "%2F";
    } else if (c == '%') {
      name += "%25";
    } else if (c == '.' && name.empty()) {
      name += "%2E";
    } else {
      name += c;
    }
  }
  return name;
}

}  // namespace nexakey::cli
