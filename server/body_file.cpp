#include "server/body_file.h"

#include <algorithm>
#include <cerrno>
#include <system_error>

#include <unistd.h>

#include "system/temporary_file.h"

namespace nexakey::server {
namespace {

tl::unexpected<core::Error> problem_with(const std::string& what, int error) {
  return core::fail(core::ErrorCode::failed, what + ": " + std::system_category().message(error),
                    "make room in the folder for temporary files, TMPDIR");
}

}  // namespace

BodyFile::~BodyFile() { --*open_; }

core::Result<std::shared_ptr<BodyFile>> BodyFiles::create() {
  if (++*open_ > max_) {
    --*open_;
    return core::fail(core::ErrorCode::store_unavailable,
                      "too many clients are fetching an export already",
                      "try again when one of them is done");
  }
  std::error_code error;
  system::Descriptor file = system::open_temporary_file(error);
  if (error) {
    --*open_;
    return problem_with("cannot make a temporary file", error.value());
  }
  return std::shared_ptr<BodyFile>(new BodyFile(std::move(file), open_));
}

core::Result<void> BodyFile::append(std::string_view text) {
  if (!system::write_all(file_.value(), text)) {
    return problem_with("a temporary file cannot be written", errno);
  }
  size_ += text.size();
  return {};
}

std::string BodyFile::read(std::uint64_t offset, std::size_t max) const {
  std::string piece(max, '\0');
  ssize_t count = -1;
  do {
    count = ::pread(file_.value(), piece.data(), piece.size(), static_cast<off_t>(offset));
  } while (count < 0 && errno == EINTR);
  piece.resize(static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
  return piece;
}

}  // namespace nexakey::server
