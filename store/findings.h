#pragma once

#include <cstddef>
#include <string>

#include "store/health.h"

namespace nexakey::store {

/// What to do about a store with an older schema. Its content is not checked.
inline constexpr const char* kOldSchemaAdvice =
    "run any other command, which updates the store, and check it again";

/// `1 key`, `2 keys`.
std::string count_of(std::size_t count, const std::string& what);

/// Reports the findings of one check of many things: at most `kMaxNamed` problems and a last
/// finding, so that a badly damaged store does not fill the screen.
class Findings {
 public:
  static constexpr std::size_t kMaxNamed = 20;

  Findings(std::string check, const FindingVisitor& visit)
      : check_(std::move(check)), visit_(visit) {}

  void add(Health status, const std::string& found, const std::string& advice);
  /// Ends the check; reports `found` if nothing was wrong.
  void finish(const std::string& found);

 private:
  std::string check_;
  const FindingVisitor& visit_;
  std::size_t count_ = 0;
  Health worst_ = Health::ok;
};

}  // namespace nexakey::store
