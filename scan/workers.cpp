#include "scan/workers.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <sys/stat.h>

#include "scan/document_scanner.h"
#include "scan/names.h"

namespace nexakey::scan {
namespace {

constexpr std::size_t kMaxQueued = 1024;

unsigned count_threads() { return std::max(1U, std::thread::hardware_concurrency()); }

/// Reads a file up to its size when it was opened, which saves the read that returns 0. Reads files
/// without a size (in /proc) to their end.
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

/// Returns false if it is a folder.
bool scan_file(const FileName& name, Opener& opener, DocumentScanner& scanner, LeakSink& sink) {
  const DocumentPlace place{.path = name.folder->path + name.name};
  find_in_path(place, sink);
  const system::Descriptor file = opener.open(name);
  if (!file.is_open()) {
    if (errno == ELOOP) {
      find_in_name(opener.read_link(name), LeakPart::link, place,
                   [&](FoundLeak found) { sink.add(std::move(found)); });
    } else if (!is_not_a_file(errno)) {
      sink.warn(place, reason_of(errno));
    }
    return true;
  }
  struct stat status {};
  if (::fstat(file.value(), &status) == 0 && S_ISREG(status.st_mode)) {
    FileSource source(file.value(), static_cast<std::uint64_t>(status.st_size));
    scanner.scan(source, place);
  }
  return !S_ISDIR(status.st_mode);
}

}  // namespace

Workers::Workers(LeakSink& sink) : queue_(kMaxQueued, count_threads()) {
  for (unsigned i = 0; i < count_threads(); ++i) {
    threads_.emplace_back([this, &sink] { work(sink); });
  }
}

void Workers::work(LeakSink& sink) {
  Opener opener;
  DocumentScanner scanner(sink);
  for (auto files = queue_.pop(); !files.empty(); files = queue_.pop()) {
    for (FileName& file : files) {
      if (!scan_file(file, opener, scanner, sink)) {
        const std::lock_guard lock(mutex_);
        folders_.push_back(std::move(file));
      }
    }
  }
}

std::vector<FileName> Workers::finish() {
  queue_.wait_until_done();
  const std::lock_guard lock(mutex_);
  return std::exchange(folders_, {});
}

}  // namespace nexakey::scan
