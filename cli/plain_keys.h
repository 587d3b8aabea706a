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

// Lists of whole keys from other systems. Only the hash of each key is kept.

/// A key of a list with its properties; those that the list does not have are empty.
struct PlainKey {
  std::uint64_t line = 0;  ///< its line in the list, from 1
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

/// The format of a list.
enum class KeyListFormat {
  lines,  ///< one key per line
  csv,    ///< with the names of the columns in the first line (RFC 4180)
  json,   ///< an array of objects, or one object per line
};

/// The format with this name; nothing if there is none.
std::optional<KeyListFormat> parse_key_list_format(std::string_view name);
/// Detects the format from the beginning of a list.
KeyListFormat guess_key_list_format(std::string_view text);

using VisitPlainKey = std::function<core::Result<void>(PlainKey)>;

/// Calls `visit` with each key of the list. Errors, including those of `visit`, name the line and
/// never contain a key.
core::Result<void> read_plain_keys(std::string_view text, KeyListFormat format,
                                   const VisitPlainKey& visit);

/// The same for one format; `text` must not start with a byte order mark.
core::Result<void> read_plain_keys_csv(std::string_view text, const VisitPlainKey& visit);
core::Result<void> read_plain_keys_json(std::string_view text, const VisitPlainKey& visit);

/// Sets the hash and the last four characters of `key` from a whole key; an error if `text` is not
/// a key.
core::Result<void> set_key(PlainKey& key, std::string_view text);
/// Parses a rate limit, in requests per minute.
core::Result<std::int64_t> parse_limit(std::string_view text);
/// The error with the number of the line in its message.
core::Error at_line(std::uint64_t line, core::Error error);

}  // namespace nexakey::cli
