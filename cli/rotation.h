#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "cli/context.h"
#include "cli/delivery.h"
#include "cli/draft.h"
#include "core/rotation.h"

namespace nexakey::cli {

/// The options of a rotation that apply to every key.
struct Terms {
  std::chrono::seconds grace{0};                          ///< 0: the old key is revoked immediately
  std::optional<std::optional<core::Time>> expires_at{};  ///< not set: the lifetime of the old key
};

/// A key to rotate, and the file for its successor; without one, it is shown.
struct Target {
  core::Key key;
  std::optional<std::filesystem::path> file{};
};

/// The rotation to the new key of a draft.
core::Rotation make_rotation(const Terms& terms, const Draft<core::KeyId>& draft, core::Time now);

/// The successor that another command has given a key since this one looked the key up.
std::optional<core::KeyId> successor_by_another(store::KeyStore& store, const core::Key& key);

/// Whether rotations lead from `key` to `target`.
bool is_predecessor(store::KeyStore& store, const core::Key& key, const core::Key& target);

/// Rotates a key into a command: makes a successor, which supersedes the key only after the command
/// has taken it over, and is revoked if it does not. Nothing if another command has rotated the key
/// since this one looked it up. `print` receives what the command prints. Errors end the command.
std::optional<core::Rotated> rotate_into_command(
    const Context& context, store::KeyStore& store, const core::Key& key, const Terms& terms,
    const Delivery& delivery, const std::function<void(std::string_view)>& print);

/// Rotates a key in the store.
core::Result<core::Rotated> rotate_in_store(const Context& context, store::KeyStore& store,
                                            const core::Key& key, const core::Rotation& rotation);

/// Rotates a key into its file, or completes an interrupted rotation there. Nothing if another
/// command has rotated the key since this one looked it up. Errors end the command.
std::optional<core::Rotated> rotate_into_file(const Context& context, store::KeyStore& store,
                                              const Target& target, const Terms& terms);

/// Completes an interrupted rotation into a file, if the store has its successor. Nothing to
/// complete is not an error, and neither is what another store may have. Errors end the command.
std::optional<core::Rotated> finish_rotation(const Context& context, store::KeyStore& store,
                                             const std::filesystem::path& path);

}  // namespace nexakey::cli
