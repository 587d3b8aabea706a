#include "server/page.h"

#include <cstdint>
#include <optional>

namespace nexakey::server {

core::Result<std::size_t> take_limit(core::Query& query, std::size_t default_limit) {
  return core::take_number(query, "limit", 1, core::kMaxPage)
      .map([&](const std::optional<std::uint64_t>& limit) {
        return std::size_t{limit.value_or(default_limit)};
      });
}

}  // namespace nexakey::server
