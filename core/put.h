#pragma once

#include <charconv>
#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>

/// Text of a bounded length, without a string for each piece. A function `put*` writes at a place
/// that has room for the maximum, and returns the end of what it wrote.
namespace nexakey::core {

/// Of a whole number, its sign included.
inline constexpr std::size_t kMaxNumberLength = 20;

inline char* put(char* at, std::string_view text) { return at + text.copy(at, text.size()); }

inline char* put(char* at, char c) {
  *at = c;
  return at + 1;
}

inline char* put(char* at, std::integral auto number) {
  return std::to_chars(at, at + kMaxNumberLength, number).ptr;
}

/// Appends what `put` writes, which are at most `max` characters.
template <std::invocable<char*> Put>
void append_put(std::string& text, std::size_t max, const Put& put) {
  const std::size_t size = text.size();
  text.resize(size + max);
  char* const begin = text.data() + size;
  text.resize(size + static_cast<std::size_t>(put(begin) - begin));
}

}  // namespace nexakey::core
