#include "server/page.h"

#include <cstdint>
#include <optional>

namespace nexakey::server {
namespace {

constexpr std::size_t kDefaultLimit = 100;

}  // namespace

core::Result<std::size_t> take_limit(core::Query& query) {
  return core::take_number(query, "limit", 1, core::kMaxPage)
      .map([](const std::optional<std::uint64_t>& limit) {
        return std::size_t{limit.value_or(kDefaultLimit)};
      });
}

}  // namespace nexakey::server
