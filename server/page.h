#pragma once

#include <cstddef>

#include "core/query.h"

namespace nexakey::server {

/// The parameter `limit` of a list: how many entries a page has at most. From 1 to 1000; 100 if it
/// is not there.
core::Result<std::size_t> take_limit(core::Query& query);

}  // namespace nexakey::server
