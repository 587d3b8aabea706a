#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "core/key.h"

namespace nexakey::cli {

/// What a list of keys is sorted by: the name from A to Z, the latest time of creation or use, the
/// nearest expiry, the largest limit. Keys without such a time are last. Equal keys are in the
/// order of their names.
enum class KeyOrder { name, created, expires, used, limit };

/// Ends the command if `name` is not an order.
KeyOrder parse_key_order(std::string_view name);

/// The first keys of an order, of any number of keys. It needs memory for these only.
class FirstKeys {
 public:
  FirstKeys(KeyOrder order, bool is_reverse, std::size_t limit)
      : order_(order), is_reverse_(is_reverse), limit_(limit) {}

  void add(const core::Key& key);
  /// How many keys were added.
  [[nodiscard]] std::size_t count() const { return count_; }
  [[nodiscard]] std::vector<core::Key> take() &&;

 private:
  [[nodiscard]] bool is_before(const core::Key& a, const core::Key& b) const;

  KeyOrder order_;
  bool is_reverse_;
  std::size_t limit_;
  std::size_t count_ = 0;
  std::vector<core::Key> heap_;  // the last of the first keys is on top
};

}  // namespace nexakey::cli
