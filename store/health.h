#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace nexakey::store {

enum class Health {
  ok,
  warning,  ///< works, but somebody should see to it
  problem,  ///< does not work, or breaks a promise
};

std::string_view name_of(Health health);

/// What a look at one thing found.
struct Finding {
  std::string check;  ///< what was looked at, in a word
  Health status = Health::ok;
  std::string found;     ///< without a secret
  std::string advice{};  ///< what to do; empty if nothing is
};

using FindingVisitor = std::function<void(const Finding&)>;

}  // namespace nexakey::store
