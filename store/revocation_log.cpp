#include "store/revocation_log.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <string_view>
#include <system_error>
#include <thread>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "system/descriptor.h"

namespace nexakey::store {
namespace {

using std::chrono::milliseconds;

constexpr std::string_view kTitle = "nexakey revocation log 1 ";
constexpr std::size_t kHexLength = 2 * std::tuple_size_v<StoreId>;
constexpr std::uint64_t kHeaderSize = kTitle.size() + kHexLength + 1;

constexpr milliseconds kLockTime{10'000};
constexpr milliseconds kLockPause{2};

[[noreturn]] void throw_error(const std::filesystem::path& path) {
  throw std::system_error(errno, std::system_category(), path.string());
}

std::string header_of(const StoreId& store) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string header(kTitle);
  for (const std::uint8_t byte : store) {
    header += {kHex[byte >> 4U], kHex[byte & 15U]};
  }
  return header + "\n";
}

std::optional<StoreId> parse_header(std::string_view header) {
  if (header.size() != kHeaderSize || !header.starts_with(kTitle)) {
    return std::nullopt;
  }
  StoreId store{};
  const char* digits = header.data() + kTitle.size();
  for (std::uint8_t& byte : store) {
    std::from_chars(digits, digits + 2, byte, 16);
    digits += 2;
  }
  return header_of(store) == header ? std::optional(store) : std::nullopt;
}

/// Whether a file is empty, or has what a crash can leave of a header.
bool is_begun(std::string_view header) {
  const std::string_view title = kTitle.substr(0, std::min(header.size(), kTitle.size()));
  const bool is_short = header.size() < kHeaderSize && header.starts_with(title);
  return is_short || header.find_first_not_of('\0') == std::string_view::npos;
}

/// Refuses a file with another name, by which another program may change it.
File checked(File file) {
  struct stat status {};
  if (::fstat(file.descriptor(), &status) != 0) {
    throw_error(file.path());
  }
  if (!S_ISREG(status.st_mode)) {
    throw StoreProblem(file.path().string() + " is a folder", "name a file as the revocation log");
  }
  if (status.st_nlink > 1) {
    throw StoreProblem(file.path().string() + " has a second name (a hard link)",
                       "find out who put it there, and delete the other name");
  }
  return file;
}

/// Locks the file for as long as it is open (F_OFD_SETLK, fcntl(2)).
void lock(const File& file) {
  const auto until = std::chrono::steady_clock::now() + kLockTime;
  struct flock whole {};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  while (::fcntl(file.descriptor(), F_OFD_SETLK, &whole) != 0) {
    if (errno != EAGAIN && errno != EACCES && errno != EINTR) {
      throw_error(file.path());
    }
    if (std::chrono::steady_clock::now() >= until) {
      throw StoreProblem(
          "another process keeps the revocation log " + file.path().string() + " locked",
          "find out which process that is with lslocks");
    }
    std::this_thread::sleep_for(kLockPause);
  }
}

}  // namespace

std::optional<RevocationLog> RevocationLog::open(const std::filesystem::path& path) {
  try {
    RevocationLog log(checked(File(path, O_RDONLY)));
    return log.store() ? std::optional(std::move(log)) : std::nullopt;
  } catch (const std::system_error& error) {
    if (error.code() == std::errc::no_such_file_or_directory) {
      return std::nullopt;
    }
    throw;
  }
}

RevocationLog RevocationLog::open_to_append(const std::filesystem::path& path) {
  File file = checked(File::open_or_create(path));
  lock(file);
  return RevocationLog(std::move(file));
}

RevocationLog::RevocationLog(File file) : file_(std::move(file)) {
  read_header();
  if (store_) {
    find_end();
  }
}

void RevocationLog::read_header() {
  const std::string header = read(0, std::min<std::uint64_t>(file_.size(), kHeaderSize));
  store_ = parse_header(header);
  end_ = kHeaderSize;
  if (!store_ && !is_begun(header)) {
    throw StoreProblem(file_.path().string() + " is not a revocation log of this version",
                       "set revocation_log to another file");
  }
}

/// Finds the last whole block. Only what a crash can leave may follow it.
void RevocationLog::find_end() {
  const std::uint64_t size = file_.size();
  const std::uint64_t from = size - std::min(size - kHeaderSize, std::uint64_t{2} * kMaxBlockSize);
  const std::string tail = read(from, size);
  for (std::size_t end = tail.size();;) {
    // The last line that ends before `end` and may be the last line of a block.
    const std::size_t feed = end == 0 ? tail.npos : tail.rfind('\n', end - 1);
    if (feed == tail.npos) {
      if (from != kHeaderSize || !is_torn(tail)) {
        fail_damaged();
      }
      end_ = kHeaderSize;
      return;
    }
    const std::size_t line = feed == 0 ? 0 : tail.rfind('\n', feed - 1) + 1;
    const auto block_size = size_of_block(std::string_view(tail).substr(line, feed + 1 - line));
    if (!block_size) {
      end = line;
      continue;
    }
    const std::string_view rest = std::string_view(tail).substr(feed + 1);
    const std::string_view text = std::string_view(tail).substr(
        feed + 1 - std::min(feed + 1, *block_size), std::min(feed + 1, *block_size));
    if (rest.empty() && text.find('\0') != text.npos) {
      end = line;  // a power cut left this last line, but not all of those before it
      continue;
    }
    if (!is_torn(rest)) {
      fail_damaged();
    }
    end_ = from + feed + 1;
    through_ = block_before(end_)->block.through;
    return;
  }
}

std::optional<RevocationLog::Placed> RevocationLog::block_before(std::uint64_t end) const {
  if (end <= kHeaderSize) {
    return std::nullopt;
  }
  const std::uint64_t from = end - std::min<std::uint64_t>(end, kMaxBlockSize + kCheckSize);
  const std::string text = read(from, end);
  const std::size_t feed = text.size() < 2 ? text.npos : text.rfind('\n', text.size() - 2);
  const auto size = feed == text.npos ? std::nullopt : size_of_block(text.substr(feed + 1));
  if (!size || *size + kCheckSize > text.size() || end - *size < kHeaderSize) {
    fail_damaged();
  }
  const std::string_view all = text;
  auto block = decode(all.substr(all.size() - *size), all.substr(0, all.size() - *size));
  if (!block) {
    fail_damaged();
  }
  return Placed{.block = *std::move(block), .begin = end - *size};
}

void RevocationLog::begin(const StoreId& store) {
  file_.truncate(0);
  end_ = 0;
  write(header_of(store));
  store_ = store;
  const auto folder = file_.path().parent_path();
  sync_directory(folder.empty() ? "." : folder);
}

void RevocationLog::append(const EndingBlock& block) {
  if (file_.size() != end_) {
    file_.truncate(end_);
  }
  write(encode(block, read(end_ - kCheckSize, end_)));
  through_ = block.through;
}

std::string RevocationLog::read(std::uint64_t from, std::uint64_t until) const {
  std::string text(until - from, '\0');
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t size = ::pread(file_.descriptor(), text.data() + done, text.size() - done,
                                 static_cast<off_t>(from + done));
    if (size < 0 && errno != EINTR) {
      throw_error(file_.path());
    }
    if (size == 0) {
      fail_damaged();  // it has become shorter
    }
    done += static_cast<std::size_t>(std::max<ssize_t>(size, 0));
  }
  return text;
}

/// Writes at the end. After an error, what is on disk is not known: it must not count later.
void RevocationLog::write(const std::string& text) {
  if (::lseek(file_.descriptor(), static_cast<off_t>(end_), SEEK_SET) < 0 ||
      !system::write_all(file_.descriptor(), text) || ::fdatasync(file_.descriptor()) != 0) {
    const int error = errno;
    [[maybe_unused]] const int cut = ::ftruncate(file_.descriptor(), static_cast<off_t>(end_));
    errno = error;
    throw_error(file_.path());
  }
  end_ += text.size();
}

void RevocationLog::fail_damaged() const {
  throw StoreProblem("the revocation log " + file_.path().string() + " is damaged",
                     "restore the file from a copy; or move it away, and check that all keys that"
                     " have to be revoked are: the next revocation makes it anew from the audit"
                     " log");
}

}  // namespace nexakey::store
