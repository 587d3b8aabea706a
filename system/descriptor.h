#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include <sys/types.h>

namespace nexakey::system {

/// Owns a file descriptor and closes it. Below 0 there is none.
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
  /// Closes the descriptor, keeps errno, and takes over another one.
  void reset(int value);

 private:
  int value_;
};

/// read(2), repeated if a signal interrupts it.
ssize_t read_some(int descriptor, char* buffer, std::size_t size);

/// Reads up to `max_size` bytes to the end of the file into `text`. The text is allocated once, so
/// that a secret in it can be wiped. False if read(2) fails; errno says why.
bool read_up_to(int descriptor, std::size_t max_size, std::string& text);

/// Writes the whole text, also if signals interrupt write(2). False if it fails; errno says why.
bool write_all(int descriptor, std::string_view text);

}  // namespace nexakey::system
