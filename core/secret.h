#pragma once

#include <string>
#include <string_view>

namespace nexakey::core {

/// Text that must not leak: it is wiped when it goes, is moved but never copied, and no stream,
/// logger or JSON writer takes it. Whoever needs the text says so with `reveal`.
class Secret {
 public:
  Secret() = default;
  /// Takes the text over and wipes what `text` held.
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

/// Overwrites what `text` holds, its unused capacity included, and empties it.
void wipe(std::string& text);

}  // namespace nexakey::core
