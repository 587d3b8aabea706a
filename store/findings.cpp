#include "store/findings.h"

#include <algorithm>

namespace nexakey::store {

std::string count_of(std::size_t count, const std::string& what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

void Findings::add(Health status, const std::string& found, const std::string& advice) {
  if (++count_ <= kMaxNamed) {
    visit_({.check = check_, .status = status, .found = found, .advice = advice});
  }
  worst_ = std::max(worst_, status);
}

void Findings::finish(const std::string& found) {
  if (count_ == 0) {
    visit_({.check = check_, .status = Health::ok, .found = found});
  } else if (count_ > kMaxNamed) {
    visit_({.check = check_,
            .status = worst_,
            .found = "and " + std::to_string(count_ - kMaxNamed) + " more"});
  }
}

}  // namespace nexakey::store
