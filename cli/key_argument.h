#pragma once

#include <string>
#include <vector>

#include "cli/context.h"
#include "core/key.h"

namespace nexakey::cli {

/// What the help says of a KEY.
inline constexpr const char* kKeyArgument =
    "An id, the beginning of one, a name, or - to read a key";

/// The key that an argument means: an id or a unique beginning of one, in any workspace unless one
/// was named; a name, in the workspace; or `-` for a whole key on standard input. Ends the command
/// if it means none (`not_found`) or several (`ambiguous`).
core::Key find_key(const Context& context, store::KeyStore& store, const std::string& argument);

/// The same for several; a key that is meant twice is there once.
std::vector<core::Key> find_keys(const Context& context, store::KeyStore& store,
                                 const std::vector<std::string>& arguments);

/// The same for several to revoke; a key that is meant twice is there once. One that the store
/// can't read for damage is named by its whole id, and that is all that is known of it then.
std::vector<core::Key> find_keys_to_revoke(const Context& context, store::KeyStore& store,
                                           const std::vector<std::string>& arguments);

/// All keys that an argument means, live or not: a name means each key that ever had it. Ends the
/// command if there are none.
std::vector<core::Key> find_keys_ever(const Context& context, store::KeyStore& store,
                                      const std::string& argument);

/// The key that an update returned; ends the command if it failed or the key is not there any more.
core::Key changed_key(core::Result<std::optional<core::Key>> updated, core::KeyId id);

/// All keys that a filter matches.
std::vector<core::Key> select_keys(const Context& context, store::KeyStore& store,
                                   const core::KeyFilter& filter);

}  // namespace nexakey::cli
