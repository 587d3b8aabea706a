#pragma once

#include <string>
#include <string_view>

#include "core/error.h"

namespace nexakey::core {

/// The longest path that is taken, in bytes.
inline constexpr std::size_t kMaxPathLength = 8192;
inline constexpr std::size_t kMaxMethodLength = 32;

/// What a key's endpoints beyond the 256th of a day count under.
inline constexpr std::string_view kOtherEndpoints = "(other)";
inline constexpr std::size_t kEndpointsPerDay = 256;

/// A method is an HTTP token (RFC 9110, 5.6.2), a path begins with `/` and has only the visible
/// characters of ASCII (RFC 3986). Returns the error, if there is one.
Result<void> check_method(std::string_view method);
Result<void> check_path(std::string_view path);

/// What a request is counted under: `METHOD /path`, without query and fragment, with segments that
/// look like identifiers as `{id}`: numbers, UUIDs, and tokens of 16 characters and more that are
/// hexadecimal or have digits among letters; API keys too, so that none gets into a store.
/// `kOtherEndpoints` when that is longer than 256 bytes.
std::string endpoint_of(std::string_view method, std::string_view path);

}  // namespace nexakey::core
