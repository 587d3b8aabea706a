#include "cli/input.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/exit_status.h"
#include "core/secret.h"
#include "core/text.h"
#include "system/temporary_file.h"

namespace nexakey::cli {
namespace {

constexpr std::size_t kChunk = std::size_t{256} << 10U;

[[noreturn]] void fail(const std::string& name, const std::string& what, int error) {
  const auto code = error == ENOENT ? core::ErrorCode::not_found : core::ErrorCode::failed;
  throw Failure{
      {code, name + " cannot be " + what + ": " + std::system_category().message(error), ""}};
}

int open_input(const std::string& path) {
  const int descriptor = path == "-" ? ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
                                     : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) {
    fail(path == "-" ? "standard input" : path, "read", errno);
  }
  return descriptor;
}

system::Descriptor open_temporary() {
  std::error_code error;
  auto file = system::open_temporary_file(error);
  if (error) {
    std::error_code unknown;
    fail("a temporary file in " + std::filesystem::temp_directory_path(unknown).string(), "made",
         error.value());
  }
  return file;
}

bool is_regular(int descriptor) {
  struct stat status {};
  return ::fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode) &&
         ::lseek(descriptor, 0, SEEK_CUR) == 0;
}

std::size_t read_chunk(const std::string& name, int descriptor, char* buffer, std::size_t size) {
  const ssize_t count = system::read_some(descriptor, buffer, size);
  if (count < 0) {
    fail(name, "read", errno);
  }
  return static_cast<std::size_t>(count);
}

}  // namespace

void note_waiting(const Context& context, const std::string& what) {
  if (context.terminal.can_ask() && !context.settings.quiet) {
    print_note("nexakey: type or paste " + what + ", and end with Ctrl-D on a line of its own");
  }
}

Input::Input(const std::string& path)
    : name_(path == "-" ? "standard input" : path), file_(open_input(path)) {}

Input::~Input() { core::wipe(piece_); }

std::string_view Input::next_piece() {
  piece_.resize(kChunk);
  std::size_t size = 0;
  while (!at_end_ && size < kChunk) {
    const std::size_t count = read_chunk(name_, file_.value(), piece_.data() + size, kChunk - size);
    at_end_ = count == 0;
    size += count;
  }
  return std::string_view(piece_).substr(0, size);
}

Spool::Spool() : name_("a temporary file"), file_(open_temporary()) {}

Spool::Spool(const Input& input)
    : name_(input.name()),
      file_(is_regular(input.descriptor())
                ? system::Descriptor(::fcntl(input.descriptor(), F_DUPFD_CLOEXEC, 3))
                : open_temporary()) {
  if (is_regular(input.descriptor())) {
    return;
  }
  std::string chunk(kChunk, '\0');
  while (const std::size_t count =
             read_chunk(name_, input.descriptor(), chunk.data(), chunk.size())) {
    write(std::string_view(chunk).substr(0, count));
  }
}

void Spool::write(std::string_view text) {
  if (!system::write_all(file_.value(), text)) {
    fail("a temporary file", "written", errno);
  }
}

std::uint64_t Spool::size() const {
  struct stat status {};
  ::fstat(file_.value(), &status);
  return static_cast<std::uint64_t>(status.st_size);
}

void Spool::rewind() {
  buffer_.clear();
  begin_ = 0;
  offset_ = 0;
  position_ = 0;
  line_ = 0;
}

std::optional<std::string_view> Spool::next_line(std::size_t max_size) {
  ++line_;
  std::size_t searched = begin_;
  for (;;) {
    const std::size_t end = buffer_.find('\n', searched);
    if (end != std::string::npos && end - begin_ <= max_size) {
      const auto line = std::string_view(buffer_).substr(begin_, end - begin_);
      begin_ = end + 1;
      position_ += line.size() + 1;
      return line;
    }
    if (end != std::string::npos || buffer_.size() - begin_ > max_size) {
      throw Failure{{core::ErrorCode::usage,
                     name_ + ": line " + std::to_string(line_) + " is longer than " +
                         std::to_string(max_size) + " bytes",
                     ""}};
    }
    buffer_.erase(0, begin_);
    begin_ = 0;
    searched = buffer_.size();
    buffer_.resize(searched + kChunk);
    const ssize_t count =
        ::pread(file_.value(), buffer_.data() + searched, kChunk, static_cast<off_t>(offset_));
    buffer_.resize(searched + static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
    if (count < 0) {
      fail(name_, "read", errno);
    }
    offset_ += static_cast<std::uint64_t>(count);
    if (count == 0) {
      if (buffer_.empty()) {
        return std::nullopt;
      }
      buffer_ += '\n';  // the last line may lack a newline
    }
  }
}

}  // namespace nexakey::cli
