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

  /// Sets `function` to the function of this name in the library or in one that it depends on;
  /// null: there is none. The type is not checked: declare it with decltype of the header's
  /// declaration.
  template <typename Function>
  void find(Function*& function, const char* name) {
    function = reinterpret_cast<Function*>(look_up(name));
  }

  /// Whether the library and every function that was asked for were found.
  [[nodiscard]] bool is_whole() const { return is_whole_; }

 private:
  void* look_up(const char* name);

  void* handle_;
  bool is_whole_;
};

}  // namespace nexakey::system
