#pragma once

#include <string_view>

#include <nlohmann/json.hpp>

#include "core/json.h"

namespace nexakey::core {

/// Reads plain JSON: an object, or an array of objects, whose members are whole numbers without a
/// sign, null, or texts of printable ASCII without escapes. Most requests are plain, and with
/// nlohmann/json's parser it takes more than twice as long to read one. Calls the functions of
/// `reader` as that parser would.
///
/// Returns false for all other texts, valid JSON (RFC 8259) or not, and if `reader` does: the
/// caller then parses the text from its beginning, with another reader.
bool read_plain_json(std::string_view text, nlohmann::json_sax<Json>& reader);

}  // namespace nexakey::core
