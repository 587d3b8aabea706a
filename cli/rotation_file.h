#pragma once

#include <filesystem>
#include <optional>
#include <string_view>
#include <vector>

#include "core/api_key.h"
#include "core/secret.h"
#include "system/descriptor.h"

namespace nexakey::cli {

/// The file of a key that is rotated. The successor is on the disk beside it, in `.NAME.new`,
/// before the store hears of it, and takes the place of the file once the store has it. Whatever
/// ends the command in between, the next one finds the rest and asks the store what it is worth.
/// What goes wrong ends the command.
class RotationFile {
 public:
  /// No other process rotates in this folder while the object lives. A `path` where something else
  /// is than the file of a key is a `conflict`.
  explicit RotationFile(std::filesystem::path path);

  /// The key in the file, if there is one.
  [[nodiscard]] const std::optional<core::KeyHash>& current() const { return current_; }
  /// What a rotation that was interrupted has left, and the key in it unless it is not whole.
  [[nodiscard]] bool has_rest() const { return has_rest_; }
  [[nodiscard]] const std::optional<core::KeyHash>& rest() const { return rest_; }

  /// Writes the successor beside the file: mode 0600, and on the disk.
  void stage(const core::Secret& secret);
  /// Forgets what stands beside the file.
  void discard();
  /// Puts it in the place of the file, with the owner, the group and the group's right to read of
  /// the file that was there.
  void publish();

 private:
  void sync_folder() const;

  std::filesystem::path path_;
  std::filesystem::path staged_;
  system::Descriptor folder_;
  std::optional<core::KeyHash> current_;
  std::optional<core::KeyHash> rest_;
  bool has_rest_ = false;
};

/// The files in a folder beside which rotations that were interrupted have left something.
std::vector<std::filesystem::path> interrupted_rotations(const std::filesystem::path& folder);

/// What the file of a key of this name is called: the name, with `%2F` for a slash, `%2E` for a
/// dot at its beginning and `%25` for a percent sign.
std::string file_name_of(std::string_view key_name);

}  // namespace nexakey::cli
