#pragma once

#include <string>
#include <string_view>

namespace nexakey::core {

/// Text that must not leak. It is wiped on destruction, is moved but not copied, and cannot be
/// passed to a stream, log or JSON writer without `reveal`.
class Secret {
 public:
  Secret() = default;
  /// Takes over the text and wipes `text`.
  explicit Secret(std::string&& text);
  Secret(Secret&& other) noexcept;
  Secret& operator=(Secret&& other) noexcept;
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret();

  [[nodiscard]] std::string_view reveal() const { return text_; }
  [[nodiscard]] bool empty() const { return text_.empty(); }

 private:
  std::string text_;
};

/// Overwrites the content of `text`, including its unused capacity, and empties it.
void wipe(std::string& text);

}  // namespace nexakey::core
