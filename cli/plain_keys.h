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

// Lists of whole keys from other systems. Only the hash of each key is kept. A list is read piece
// by piece, so that it may be larger than the memory.

/// The maximum size of a line, a row or an object of a list, in bytes.
inline constexpr std::size_t kMaxPlainKeySize = std::size_t{256} << 10U;

/// The text of a list, piece by piece.
class KeyListText {
 public:
  /// `read` returns the next piece, which is valid until the next call; an empty one at the end.
  explicit KeyListText(std::function<std::string_view()> read);

  /// The first piece, without a byte order mark.
  [[nodiscard]] std::string_view beginning() const { return piece_; }
  /// The next piece, the first one at first; empty at the end.
  std::string_view next();

 private:
  std::function<std::string_view()> read_;
  std::string_view piece_;
  bool has_begun_ = false;
};

/// The lines of a list. Wipes what it has read.
class KeyListLines {
 public:
  explicit KeyListLines(KeyListText& text) : text_(text) {}
  KeyListLines(const KeyListLines&) = delete;
  KeyListLines& operator=(const KeyListLines&) = delete;
  ~KeyListLines();

  /// The next line without its end, until the next call; nothing at the end. Error: `usage`, if it
  /// is longer than kMaxPlainKeySize.
  core::Result<std::optional<std::string_view>> next();
  /// The number of the line that `next` has returned, from 1 on.
  [[nodiscard]] std::uint64_t number() const { return number_; }

 private:
  KeyListText& text_;
  std::string_view rest_;  // of the current piece
  std::string line_;
  std::uint64_t number_ = 0;
};

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
KeyListFormat guess_key_list_format(std::string_view beginning);

using VisitPlainKey = std::function<core::Result<void>(PlainKey)>;

/// Calls `visit` with each key of the list. Errors, including those of `visit`, name the line and
/// never contain a key.
core::Result<void> read_plain_keys(KeyListText& text, KeyListFormat format,
                                   const VisitPlainKey& visit);

/// The same for one format.
core::Result<void> read_plain_keys_csv(KeyListText& text, const VisitPlainKey& visit);
core::Result<void> read_plain_keys_json(KeyListText& text, const VisitPlainKey& visit);

/// Sets the hash and the last four characters of `key` from a whole key; an error if `text` is not
/// a key.
core::Result<void> set_key(PlainKey& key, std::string_view text);
/// Parses a rate limit, in requests per minute.
core::Result<std::int64_t> parse_limit(std::string_view text);
/// The error of something that is longer than kMaxPlainKeySize.
core::Error too_long(std::string_view what);
/// The error with the number of the line in its message.
core::Error at_line(std::uint64_t line, core::Error error);

}  // namespace nexakey::cli
