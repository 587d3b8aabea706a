#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/audit.h"
#include "core/id.h"
#include "core/time.h"

/// What the revocation log of a store consists of (docs/file-formats.md).
namespace nexakey::store {

/// The end of a key or a token: its revocation, or the shorter expiry of a key.
struct Ending {
  std::variant<core::KeyId, core::TokenId> subject;
  bool is_revocation = true;
  core::Time at{};  ///< of the revocation, or the new expiry

  friend bool operator==(const Ending&, const Ending&) = default;
};

/// What an entry of the audit log ended, in the order of the log: at most a revocation and an
/// expiry. A change of an expiry to a later one ends nothing.
std::vector<Ending> endings_of(const core::AuditEntry& entry);

/// The endings in a part of the audit log.
struct EndingBlock {
  std::vector<Ending> endings{};
  core::AuditHead through{};  ///< the last entry of the part

  friend bool operator==(const EndingBlock&, const EndingBlock&) = default;
};

/// The maximum number of endings in a block, and the maximum size of its text in bytes.
inline constexpr std::size_t kMaxEndings = 500;
inline constexpr std::size_t kMaxBlockSize = 32'768;

/// The size of what a block ends with, a check and a line feed. The check of the next block covers
/// them too.
inline constexpr std::size_t kCheckSize = 17;

/// The text of a block that follows `before`, of which the last line counts.
std::string encode(const EndingBlock& block, std::string_view before);

/// The size of the block that ends with this line, if it is the last line of a block. `line`: with
/// its line feed.
std::optional<std::size_t> size_of_block(std::string_view line);

/// The block with exactly this text after `before`; nothing for any other text.
std::optional<EndingBlock> decode(std::string_view text, std::string_view before);

/// Whether a text can be what a crash left of a block: it has zeros, or only lines of endings.
bool is_torn(std::string_view text);

}  // namespace nexakey::store
