#include "server/buffer_budget.h"

#include <algorithm>

namespace nexakey::server {
namespace {

constexpr std::size_t kReserved = std::size_t{16} << 10U;

}  // namespace

BufferBudget::BufferBudget(std::size_t max, std::size_t connections)
    : reserved_(std::min(kReserved, max / connections / 2)),
      common_(max - reserved_ * connections) {}

/// Takes bytes of the common part. False, without effect, if it does not have them.
bool BufferBudget::take(std::size_t bytes) {
  std::size_t left = common_;
  while (bytes <= left) {
    if (common_.compare_exchange_weak(left, left - bytes)) {
      return true;
    }
  }
  return false;
}

bool BufferBudget::Share::hold(std::size_t bytes) {
  const std::size_t wanted = bytes - std::min(bytes, budget_.reserved_);
  if (wanted > taken_) {
    if (!budget_.take(wanted - taken_)) {
      return false;
    }
  } else if (wanted < taken_) {
    budget_.common_ += taken_ - wanted;
  }
  taken_ = wanted;
  return true;
}

}  // namespace nexakey::server
