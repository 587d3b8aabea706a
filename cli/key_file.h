#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/credential.h"
#include "core/secret.h"
#include "system/descriptor.h"

namespace nexakey::cli {

/// A kind of secret in files.
struct SecretKind {
  const char* name;  ///< for messages
  core::CredentialForm form;
};
inline constexpr SecretKind kKeyKind{"key", core::kApiKeyForm};
inline constexpr SecretKind kTokenKind{"token", core::kTokenForm};

/// What a file contains. Nothing but a `secret`, an `empty` or a `missing` file is ever replaced or
/// deleted.
enum class Content { missing, empty, secret, other };

/// A secret in `.NAME.new`. A command that ends between the store and the file leaves it there.
struct StagedSecret {
  core::Secret secret;
  core::CredentialHash hash{};
  std::string id;        ///< of its key or token; empty if the file does not say it
  std::string store;     ///< the store that it was made for; empty if the file does not say it
  std::string replaces;  ///< the id of what it is to replace; empty: nothing
};

/// The file for the secret of a new key or token, `NAME`, and the file in which the secret waits
/// for its place, `.NAME.new`. A command
/// 1. stages a new secret: writes it with its id and its store to `.NAME.new` and syncs that,
/// 2. stores its hash under that id,
/// 3. publishes it: gives `.NAME.new`, without the other two, the name `NAME`. If a step is left to
///    do, it publishes a copy of the secret, and deletes `.NAME.new` after that.
/// After an interruption at any point, the next command finds out from the store whether the secret
/// is in use. If not, it uses the same secret and the same id, so that a request of the interrupted
/// command that the store has not processed yet can make no second key.
///
/// Errors end the command.
class KeyFile {
 public:
  /// Locks the folder against other commands for the lifetime of the object. `store` is where the
  /// secret will be stored. A `.NAME.new` that no nexakey wrote is a `conflict`.
  KeyFile(std::filesystem::path path, const SecretKind& kind, std::string_view store);

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] Content content() const { return content_; }
  /// The hash of the secret in the file, if it has one.
  [[nodiscard]] const std::optional<core::CredentialHash>& current() const { return current_; }

  /// The secret that an interrupted command left.
  [[nodiscard]] const std::optional<StagedSecret>& staged() const { return rest_; }
  /// Whether the file exists, and is not only the placeholder of an interrupted command.
  [[nodiscard]] bool is_taken() const {
    return content_ != Content::missing && !(content_ == Content::empty && rest_);
  }
  /// Whether that command used the same store.
  [[nodiscard]] bool is_of_this_store() const { return rest_ && rest_->store == store_; }
  /// The end of a message about a staged secret of which this store knows nothing.
  [[noreturn]] void fail_foreign() const;

  /// Fails if the file cannot be replaced, or made in its folder, as far as that can be known in
  /// advance.
  void check_replaceable() const;
  /// Stages a secret. `replaces`: the id of what it is to replace, if that is revoked at the end.
  void stage(const core::Secret& secret, const std::string& id, const std::string& replaces = {});
  /// Deletes what is staged.
  void discard();

  /// Publishes what is staged as a new file. `conflict` if the file exists.
  void publish();
  /// What happens to `.NAME.new` when it replaces the file.
  enum class Staged {
    moved,
    kept,  ///< stays until `discard`: a step is left to do
  };
  /// Publishes what is staged in place of the file, with its owner, its group and the group's read
  /// permission. A file that is a mount point is written in place.
  void replace(Staged staged = Staged::moved);
  /// Syncs the folder, so that a power cut does not undo the last step.
  void sync_folder() const;

  /// Ends the command with the message of the errno value `error`.
  [[noreturn]] void fail(int error) const;

 private:
  void lock_folder() const;
  void read_staged();
  bool strip_staged();
  void copy_staged() const;
  void write_in_place(const std::filesystem::path& source);
  [[noreturn]] void fail_to_publish(int error) const;

  std::filesystem::path path_;
  std::filesystem::path staged_;
  std::filesystem::path copy_;  // `.NAME.new.copy`, which lives until it has the name of the file
  const SecretKind* kind_;
  std::string store_;
  system::Descriptor folder_;
  Content content_ = Content::missing;
  std::optional<core::CredentialHash> current_;
  std::optional<StagedSecret> rest_;
};

/// The files in a folder that have a `.NAME.new`.
std::vector<std::filesystem::path> staged_files(const std::filesystem::path& folder);

}  // namespace nexakey::cli
