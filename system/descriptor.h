#pragma once

#include <cstddef>
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

/// read(2) and write(2), repeated if a signal interrupts them. `write_all` writes the whole text;
/// false: errno says why not.
ssize_t read_some(int descriptor, char* buffer, std::size_t size);
bool write_all(int descriptor, std::string_view text);

}  // namespace nexakey::system
