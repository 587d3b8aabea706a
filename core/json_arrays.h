#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "core/decision.h"
#include "core/error.h"

/// JSON documents that clients may send as an array, in place of one object.
namespace nexakey::core {

/// The maximum number of requests for a decision, or of upstream responses, in one document.
inline constexpr std::size_t kMaxElements = 1024;

/// Parses an upstream response or an array of at most `kMaxElements`. Error: `usage`.
Result<std::vector<UpstreamResponse>> parse_upstream_responses(std::string_view text);

}  // namespace nexakey::core
