#include "scan/finds.h"

#include <utility>

namespace nexakey::scan {
namespace {

/// The maximum number of leaks that are compared; more are passed on at once.
constexpr std::size_t kMaxKept = 10'000;

}  // namespace

void Finds::add_inner(FoundLeak found) {
  if (reported_.size() < kMaxKept) {
    reported_.insert(found.leak.hash);
  }
  (*receive_)(std::move(found));
}

void Finds::keep(std::vector<FoundLeak>& finds, FoundLeak found) {
  if (finds.size() < kMaxKept) {
    finds.push_back(std::move(found));
  } else {
    (*receive_)(std::move(found));
  }
}

void Finds::finish() {
  pass(raw_);
  pass(decoded_);
}

void Finds::pass(std::vector<FoundLeak>& finds) {
  std::vector<core::KeyHash> passed;
  TextPosition last;
  for (FoundLeak& found : finds) {
    const bool is_again = !passed.empty() && passed.back() == found.leak.hash &&
                          last.line == found.position.line && last.column == found.position.column;
    if (!is_again && !reported_.contains(found.leak.hash)) {
      passed.push_back(found.leak.hash);
      last = found.position;
      (*receive_)(std::move(found));
    }
  }
  reported_.insert(passed.begin(), passed.end());
}

}  // namespace nexakey::scan
