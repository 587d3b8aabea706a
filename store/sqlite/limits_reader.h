#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "core/limits.h"

namespace nexakey::store::sqlite {

/// Reads the column `limits` of keys as Limits::from_text does. It parses each text once, because
/// keys have few different ones.
class LimitsReader {
 public:
  const core::Result<core::Limits>& read(std::string_view text) {
    auto known = known_.find(text);
    if (known == known_.end()) {
      if (known_.size() == kMaxTexts) {
        known_.clear();
      }
      known = known_.emplace(text, core::Limits::from_text(text)).first;
    }
    return known->second;
  }

 private:
  static constexpr std::size_t kMaxTexts = 64;

  std::map<std::string, core::Result<core::Limits>, std::less<>> known_;
};

}  // namespace nexakey::store::sqlite
