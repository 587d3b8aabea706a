#include "system/descriptor.h"

#include <algorithm>
#include <cerrno>

#include <sys/resource.h>
#include <unistd.h>

namespace nexakey::system {

Descriptor::~Descriptor() { reset(-1); }

void Descriptor::reset(int value) {
  if (is_open()) {
    const int error = errno;  // of an earlier call, which the caller may report
    ::close(value_);
    errno = error;
  }
  value_ = value;
}

ssize_t read_some(int descriptor, char* buffer, std::size_t size) {
  for (;;) {
    const ssize_t count = ::read(descriptor, buffer, size);
    if (count >= 0 || errno != EINTR) {
      return count;
    }
  }
}

bool read_up_to(int descriptor, std::size_t max_size, std::string& text) {
  text.resize(max_size);
  std::size_t size = 0;
  ssize_t count = 1;
  while (count > 0 && size < max_size) {
    count = read_some(descriptor, text.data() + size, max_size - size);
    size += static_cast<std::size_t>(std::max<ssize_t>(count, 0));
  }
  text.resize(size);
  return count >= 0;
}

std::size_t raise_max_descriptors(std::size_t wanted) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur < wanted) {
    const rlim_t raised = std::min<rlim_t>(wanted, limit.rlim_max);
    const rlimit attempt{.rlim_cur = raised, .rlim_max = limit.rlim_max};
    limit.rlim_cur = ::setrlimit(RLIMIT_NOFILE, &attempt) == 0 ? raised : limit.rlim_cur;
  }
  return std::min<std::size_t>(wanted, limit.rlim_cur);
}

bool write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor, text.data(), text.size());
    if (written < 0 && errno == EINTR) {
      continue;
    }
    if (written < 0) {
      return false;
    }
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

}  // namespace nexakey::system
