#pragma once

#include <cstddef>

#include "core/query.h"

namespace nexakey::server {

/// How many entries a page has if its request does not say it.
inline constexpr std::size_t kDefaultLimit = 100;

/// The parameter `limit` of a list: the maximum number of entries of a page, from 1 to 1000.
core::Result<std::size_t> take_limit(core::Query& query, std::size_t default_limit = kDefaultLimit);

}  // namespace nexakey::server
