#include "server/body_file.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

namespace nexakey::server {
namespace {

tl::unexpected<core::Error> problem_with(const std::string& what, int error) {
  return core::fail(core::ErrorCode::failed, what + ": " + std::system_category().message(error),
                    "make room in the folder for temporary files, TMPDIR");
}

}  // namespace

BodyFile::~BodyFile() {
  ::close(descriptor_);
  --*open_;
}

core::Result<std::shared_ptr<BodyFile>> BodyFiles::create() {
  if (++*open_ > max_) {
    --*open_;
    return core::fail(core::ErrorCode::store_unavailable,
                      "too many clients are fetching an export already",
                      "try again when one of them is done");
  }
  std::error_code unknown;
  std::string name = std::filesystem::temp_directory_path(unknown) / "nexakey-XXXXXX";
  const int descriptor = unknown ? -1 : ::mkostemp(name.data(), O_CLOEXEC);  // mode 0600
  if (descriptor < 0) {
    --*open_;
    return problem_with("cannot make a temporary file", unknown ? unknown.value() : errno);
  }
  ::unlink(name.c_str());
  return std::shared_ptr<BodyFile>(new BodyFile(descriptor, open_));
}

core::Result<void> BodyFile::append(std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(descriptor_, text.data(), text.size());
    if (count < 0 && errno != EINTR) {
      return problem_with("a temporary file cannot be written", errno);
    }
    const auto written = static_cast<std::size_t>(std::max<ssize_t>(count, 0));
    text.remove_prefix(written);
    size_ += written;
  }
  return {};
}

std::string BodyFile::read(std::uint64_t offset, std::size_t max) const {
  std::string piece(max, '\0');
  ssize_t count = -1;
  do {
    count = ::pread(descriptor_, piece.data(), piece.size(), static_cast<off_t>(offset));
  } while (count < 0 && errno == EINTR);
  piece.resize(static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
  return piece;
}

}  // namespace nexakey::server
