#pragma once

#include <cstddef>
#include <string_view>
#include <utility>

#include <sys/types.h>

namespace nexakey::system {

/// Closes a file descriptor when it goes; below 0 there is none.
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
  /// Takes another one in its place.
  void reset(int value);

 private:
  int value_;
};

/// read(2) and write(2), which signals don't stop. `write_all` writes the whole text; false: it
/// could not, and errno says why.
ssize_t read_some(int descriptor, char* buffer, std::size_t size);
bool write_all(int descriptor, std::string_view text);

}  // namespace nexakey::system
