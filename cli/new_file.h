#pragma once

#include <filesystem>
#include <string>

namespace nexakey::cli {

/// A new file with mode 0600. It is written under a temporary name; `publish` gives it its final
/// name once it is complete, and never replaces a file. Without `publish`, the destructor deletes
/// it. Errors end the command.
class NewFile {
 public:
  /// `content` describes the contents for messages: "the key".
  NewFile(std::filesystem::path path, std::string content);
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;
  ~NewFile();

  /// The descriptor to write to.
  [[nodiscard]] int descriptor() const { return descriptor_; }
  /// The name under which the file is written.
  [[nodiscard]] const std::filesystem::path& temporary_path() const { return temporary_; }
  /// Syncs the contents to disk.
  void sync() const;
  /// Gives the file its final name and syncs the folder.
  void publish() const;

  /// Ends the command with the message of the errno value `error`.
  [[noreturn]] void fail(int error) const;

 private:
  std::filesystem::path path_;
  std::string content_;
  std::filesystem::path temporary_;
  int descriptor_ = -1;
};

}  // namespace nexakey::cli
