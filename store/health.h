#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace nexakey::store {

enum class Health {
  ok,
  warning,  ///< works, but needs attention
  problem,  ///< does not work, or breaks a promise
};

std::string_view name_of(Health health);

/// The result of one check.
struct Finding {
  std::string check;  ///< its name, one word
  Health status = Health::ok;
  std::string found;     ///< contains no secret
  std::string advice{};  ///< what to do; empty: nothing
};

using FindingVisitor = std::function<void(const Finding&)>;

}  // namespace nexakey::store
