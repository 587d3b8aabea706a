#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/credential.h"

/// The text forms of values, in which parameters and results travel (PostgreSQL's manual, 8.4 and
/// 8.15.6).
namespace nexakey::store::postgres {

/// Bytes in the hex format of bytea.
std::string hex_form(std::span<const std::byte> bytes);
/// An element of an array, in quotes.
std::string quoted_element(std::string_view text);

/// The value of a text; nothing if it has another form.
std::optional<std::int64_t> parse_number(std::string_view text);
std::optional<core::CredentialHash> parse_hash(std::string_view text);
/// The bytes of a bytea in the hex or the escape format, which the server's `bytea_output` selects.
/// Invalid digits are not expected from a server.
std::string parse_bytes(std::string_view text);

}  // namespace nexakey::store::postgres
