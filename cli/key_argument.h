#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/context.h"
#include "core/key.h"

namespace nexakey::cli {

/// The help of a KEY argument.
inline constexpr const char* kKeyArgument =
    "An id, the beginning of an id, a name, or - to read a key";

/// Which keys a name refers to.
enum class Namesakes {
  live,        ///< the one that is neither revoked nor expired
  or_revoked,  ///< the same, or else the newest one if all are revoked
  or_ended,    ///< the same, or else the newest one, which a note says
};

/// The key that an argument names: an id or a unique beginning of one, in any workspace unless one
/// is given; a name in the workspace; or `-` for a whole key on standard input. Ends the command if
/// it matches no key (`not_found`) or several (`ambiguous`).
core::Key find_key(const Context& context, store::KeyStore& store, const std::string& argument,
                   Namesakes namesakes = Namesakes::live);

/// The keys that several arguments name, without duplicates. Errors as for find_key.
std::vector<core::Key> find_keys(const Context& context, store::KeyStore& store,
                                 const std::vector<std::string>& arguments,
                                 Namesakes namesakes = Namesakes::live);

/// The key with an id or a hash, in any workspace; nothing if there is none.
std::optional<core::Key> find_key(store::KeyStore& store, core::KeyId id);
std::optional<core::Key> find_key(store::KeyStore& store, const core::KeyHash& hash);

/// All keys that an argument names, in any state: a name matches every key that has it. Ends the
/// command if there are none.
std::vector<core::Key> find_keys_ever(const Context& context, store::KeyStore& store,
                                      const std::string& argument);

/// When a key was purged, as the audit log says; nothing if it was not, or if the log cannot be
/// read.
std::optional<core::Time> purged_at(store::KeyStore& store, core::KeyId id);

/// The key that an update returned; ends the command if the update failed or the key does not
/// exist.
core::Key changed_key(core::Result<std::optional<core::Key>> updated, core::KeyId id);

/// All keys that match a filter.
std::vector<core::Key> select_keys(const Context& context, store::KeyStore& store,
                                   const core::KeyFilter& filter);
/// The same; if there are none, a note says what the filter may mean.
std::vector<core::Key> select_or_note(const Context& context, store::KeyStore& store,
                                      const core::KeyFilter& filter);

}  // namespace nexakey::cli
