#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <vector>

#include "cli/context.h"
#include "core/rotation.h"
#include "core/secret.h"

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

/// The rotation to a new key with this secret.
core::Rotation make_rotation(const Terms& terms, const core::Secret& secret, core::Time now);

/// Rotates a key in the store. Errors end the command.
core::Rotated rotate_in_store(const Context& context, store::KeyStore& store, const core::Key& key,
                              const core::Rotation& rotation);

/// Rotates a key into its file, or completes an interrupted rotation there. Errors end the command.
core::Rotated rotate_into_file(const Context& context, store::KeyStore& store, const Target& target,
                               const Terms& terms);

/// Completes all interrupted rotations in a folder. Errors end the command.
std::vector<core::Rotated> finish_folder(const Context& context, store::KeyStore& store,
                                         const std::filesystem::path& folder);

}  // namespace nexakey::cli
