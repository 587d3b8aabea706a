#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <vector>

#include "cli/context.h"
#include "core/rotation.h"
#include "core/secret.h"

namespace nexakey::cli {

/// What the options say about every rotation.
struct Terms {
  std::chrono::seconds grace{0};
  std::optional<std::optional<core::Time>> expires_at{};
};

/// A key to rotate, and where its successor goes to.
struct Target {
  core::Key key;
  std::optional<std::filesystem::path> file{};
};

core::Rotation make_rotation(const Terms& terms, const core::Secret& secret, core::Time now);

/// Has the store rotate a key. All of these end the command if it can't be done.
core::Rotated rotate_in_store(const Context& context, store::KeyStore& store, const core::Key& key,
                              const core::Rotation& rotation);

/// Rotates a key into its file; or finishes the rotation that was interrupted there.
core::Rotated rotate_into_file(const Context& context, store::KeyStore& store, const Target& target,
                               const Terms& terms);

/// Finishes all rotations that were interrupted in a folder.
std::vector<core::Rotated> finish_folder(const Context& context, store::KeyStore& store,
                                         const std::filesystem::path& folder);

}  // namespace nexakey::cli
