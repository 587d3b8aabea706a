#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/credential.h"
#include "core/error.h"
#include "core/key.h"

namespace nexakey::cli {

/// Lists of whole keys from elsewhere. Of each key only its hash is kept.

/// A key of a list, and what the list says of it; what is empty is not said.
struct PlainKey {
  std::uint64_t line = 0;  ///< where it stands
  core::CredentialHash hash{};
  std::string last_four;
  std::string name;
  std::vector<std::string> scopes;
  std::vector<std::string> whitelist;
  std::string expires;
  std::optional<std::int64_t> rate_limit;
  std::string workspace;
  std::string description;
  core::Labels labels;
};

/// How a list is written.
enum class KeyListFormat {
  lines,  ///< a key a line
  csv,    ///< with the names of the columns in its first line (RFC 4180)
  json,   ///< an array of objects, or an object a line
};

std::optional<KeyListFormat> parse_key_list_format(std::string_view name);
/// What the beginning of a list looks like.
KeyListFormat guess_key_list_format(std::string_view text);

using VisitPlainKey = std::function<core::Result<void>(PlainKey)>;

/// Calls `visit` with each key of the list. An error, that of `visit` too, names the line and never
/// a key.
core::Result<void> read_plain_keys(std::string_view text, KeyListFormat format,
                                   const VisitPlainKey& visit);

/// The same for one format; `text` has no byte order mark.
core::Result<void> read_plain_keys_csv(std::string_view text, const VisitPlainKey& visit);
core::Result<void> read_plain_keys_json(std::string_view text, const VisitPlainKey& visit);

/// Takes a key over, if it is one.
core::Result<void> set_key(PlainKey& key, std::string_view text);
/// The whole number of a rate limit.
core::Result<std::int64_t> parse_limit(std::string_view text);
/// The error with its line in front.
core::Error at_line(std::uint64_t line, core::Error error);

}  // namespace nexakey::cli
