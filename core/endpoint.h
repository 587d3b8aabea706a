#pragma once

#include <string>
#include <string_view>

#include "core/error.h"

namespace nexakey::core {

/// The maximum length of a path, in bytes.
inline constexpr std::size_t kMaxPathLength = 8192;
inline constexpr std::size_t kMaxMethodLength = 32;

/// The endpoint under which a key's endpoints beyond the 256th of a day are counted.
inline constexpr std::string_view kOtherEndpoints = "(other)";
inline constexpr std::size_t kEndpointsPerDay = 256;

inline constexpr std::size_t kMaxEndpointLength = 256;

/// Error: `usage`, unless the method is an HTTP token (RFC 9110, 5.6.2), or the path begins with
/// `/` and has only visible ASCII characters (RFC 3986).
Result<void> check_method(std::string_view method);
Result<void> check_path(std::string_view path);

/// The endpoint under which a request is counted: `METHOD /path`, without query and fragment, and
/// with `{id}` in place of segments that look like identifiers: numbers, UUIDs, and words of at
/// least 16 characters that are hexadecimal or mix digits and letters. These include API keys, so
/// that none gets into a store. `kOtherEndpoints` if the result is longer than
/// `kMaxEndpointLength` bytes.
std::string endpoint_of(std::string_view method, std::string_view path);

}  // namespace nexakey::core
