#pragma once

namespace nexakey::system {

/// A library that is loaded at its first use (dlopen(3)): linked in, it would be loaded, or be part
/// of the file, for every command. Once loaded it stays, and so do its functions.
class Library {
 public:
  /// By its soname, such as libcrypto.so.3.
  explicit Library(const char* name);
  ~Library();
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  /// Makes `function` the one of this name, here or in what the library itself stands on; null if
  /// there is none. Its type has to be right: declare it by decltype of what the header declares.
  template <typename Function>
  void find(Function*& function, const char* name) {
    function = reinterpret_cast<Function*>(look_up(name));
  }

  /// Whether the library is there, and each function that was looked for.
  [[nodiscard]] bool is_whole() const { return is_whole_; }

 private:
  void* look_up(const char* name);

  void* handle_;
  bool is_whole_;
};

}  // namespace nexakey::system
