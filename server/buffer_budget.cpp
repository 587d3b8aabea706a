#include "server/buffer_budget.h"

#include <algorithm>

namespace nexakey::server {
namespace {

constexpr std::size_t kReserved = std::size_t{16} << 10U;

}  // namespace

BufferBudget::BufferBudget(std::size_t max, std::size_t connections)
    : reserved_(std::min(kReserved, max / connections / 2)),
      common_(max - reserved_ * connections) {}

bool BufferBudget::Share::hold(std::size_t bytes) {
  const std::size_t wanted = bytes - std::min(bytes, budget_.reserved_);
  if (wanted > taken_ && wanted - taken_ > budget_.common_) {
    return false;
  }
  budget_.common_ += taken_;
  budget_.common_ -= wanted;
  taken_ = wanted;
  return true;
}

}  // namespace nexakey::server
