#include "cli/rotation_file.h"

#include <array>
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
       path.string() + " can't be used for a key: " + std::system_category().message(error), ""}};
}

[[noreturn]] void fail_in_the_way(const std::filesystem::path& path) {
  throw Failure{{ErrorCode::conflict, path.string() + " is something else than the file of a key",
                 "name another file, or move this one away"}};
}

std::filesystem::path folder_of(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
}

/// What stands in a file.
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
  // A key, the end of its line, and one more to see that there is no more.
  std::string text(core::kApiKeyLength + 2, '\0');
  std::size_t size = 0;
  for (ssize_t count = 1; count > 0 && size < text.size();
       size += static_cast<std::size_t>(count)) {
    count = system::read_some(file.value(), text.data() + size, text.size() - size);
    if (count < 0) {
      fail(path);
    }
  }
  Content content{.is_there = true, .size = size};
  const std::string_view line(text.data(), core::kApiKeyLength);
  const bool ends = size == core::kApiKeyLength ||
                    (size == core::kApiKeyLength + 1 && text[core::kApiKeyLength] == '\n');
  if (ends && core::is_api_key(line)) {
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
  // A write that was interrupted has left less than a key, and never more.
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
    // Whoever reads the file now has to be able to read the next one. Only root gives files away.
    const system::Descriptor file(::open(staged_.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    if (file.is_open() && ::fchown(file.value(), old.st_uid, old.st_gid) == 0) {
      ::fchmod(file.value(), (old.st_mode & S_IRGRP) | S_IRUSR | S_IWUSR);
    }
  }
  if (::rename(staged_.c_str(), path_.c_str()) != 0) {
    const int error = errno;
    throw Failure{{ErrorCode::failed,
                   "the new key is in " + staged_.string() + " and can't be moved to " +
                       path_.string() + ": " + std::system_category().message(error),
                   "make that possible and run the command again"}};
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
