#pragma once

#include <functional>
#include <string_view>

#include "scan/leak.h"

namespace nexakey::scan {

/// The maximum length of an encoded key, in bytes: the rest of a longer one is not read.
inline constexpr std::size_t kMaxLeakLength = 1024;
/// How far before its fingerprint an encoded key can begin.
inline constexpr std::size_t kMaxLeakStart = 80;

/// Calls `visit` for each leak in `text`.
void find_leaks(std::string_view text, const std::function<void(const Leak&)>& visit);

/// A part of a text.
struct Span {
  std::size_t from = 0;
  std::size_t to = 0;
};
/// The same for the leaks whose fingerprint, of at most four bytes, begins in a part of the text.
void find_leaks(std::string_view text, Span part, const std::function<void(const Leak&)>& visit);

}  // namespace nexakey::scan
