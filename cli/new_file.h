#pragma once

#include <filesystem>
#include <string>

namespace nexakey::cli {

/// A file that does not exist yet, mode 0600. It is written under a name of its own; `publish`
/// gives it its name once it is whole, and without that nothing is left of it. What goes wrong
/// ends the command.
class NewFile {
 public:
  /// `content` is what it will hold, for messages: "the key".
  NewFile(std::filesystem::path path, std::string content);
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;
  ~NewFile();

  /// Where it is written to.
  [[nodiscard]] int descriptor() const { return descriptor_; }
  /// Puts what was written on the disk.
  void sync() const;
  void publish() const;

  /// Ends the command because of an error of the system.
  [[noreturn]] void fail(int error) const;

 private:
  std::filesystem::path path_;
  std::string content_;
  std::filesystem::path temporary_;
  int descriptor_ = -1;
};

}  // namespace nexakey::cli
