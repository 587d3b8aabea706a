#pragma once

#include <filesystem>
#include <optional>
#include <string_view>
#include <vector>

#include "core/api_key.h"
#include "core/secret.h"
#include "system/descriptor.h"

namespace nexakey::cli {

/// The file of a key that is rotated. The successor is written to `.NAME.new` beside it and synced
/// before it is stored, and replaces the file afterwards. If the command is interrupted in between,
/// the next one finds `.NAME.new` and looks its key up in the store. Errors end the command.
class RotationFile {
 public:
  /// Locks the folder against other rotations for the lifetime of the object. A `path` that is not
  /// the file of a key is a `conflict`.
  explicit RotationFile(std::filesystem::path path);

  /// The hash of the key in the file; nothing if the file does not exist.
  [[nodiscard]] const std::optional<core::KeyHash>& current() const { return current_; }
  /// Whether an interrupted rotation has left `.NAME.new`.
  [[nodiscard]] bool has_rest() const { return has_rest_; }
  /// The hash of the key in `.NAME.new`; nothing if the key is incomplete.
  [[nodiscard]] const std::optional<core::KeyHash>& rest() const { return rest_; }

  /// Writes the successor to `.NAME.new` with mode 0600 and syncs it.
  void stage(const core::Secret& secret);
  /// Deletes `.NAME.new`.
  void discard();
  /// Renames `.NAME.new` to the file, with the owner, the group and the group's read permission of
  /// the old file.
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

/// The files in a folder with a `.NAME.new` of an interrupted rotation that has a whole key.
std::vector<std::filesystem::path> interrupted_rotations(const std::filesystem::path& folder);

/// The file name for a key: its name, with `%2F` for a slash, `%2E` for a leading dot and `%25` for
/// a percent sign.
std::string file_name_of(std::string_view key_name);

}  // namespace nexakey::cli
