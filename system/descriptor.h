#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include <sys/types.h>

namespace nexakey::system {

/// Owns a file descriptor and closes it. A negative value means none.
class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  Descriptor(Descriptor&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(Descriptor&& other) noexcept {
    reset(std::exchange(other.value_, -1));
    return *this;
  }
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor();

  [[nodiscard]] int value() const { return value_; }
  [[nodiscard]] bool is_open() const { return value_ >= 0; }
  /// Gives the descriptor up without closing it.
  int release() { return std::exchange(value_, -1); }
  /// Closes the descriptor, keeps errno, and takes over another one.
  void reset(int value);

 private:
  int value_;
};

/// read(2), repeated if a signal interrupts it.
ssize_t read_some(int descriptor, char* buffer, std::size_t size);

/// Reads a file to its end, at most `max_size` bytes, into `text`. The text is allocated once, so
/// that a secret in it can be wiped. False if read(2) fails; see errno.
bool read_up_to(int descriptor, std::size_t max_size, std::string& text);

/// How many descriptors this process may have: `wanted`, if the soft limit is that high or can be
/// raised to it, else what it can be raised to (RLIMIT_NOFILE, getrlimit(2)).
std::size_t raise_max_descriptors(std::size_t wanted);

/// Writes the whole text, even if signals interrupt write(2). False if write(2) fails; see errno.
bool write_all(int descriptor, std::string_view text);

}  // namespace nexakey::system
