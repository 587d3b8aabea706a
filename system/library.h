#pragma once

namespace nexakey::system {

/// A library that is loaded at run time (dlopen(3)), so that only the commands that use it pay for
/// it. Once loaded, it stays, and its functions stay valid.
class Library {
 public:
  /// `name`: the soname, such as libcrypto.so.3.
  explicit Library(const char* name);
  ~Library();
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  /// Sets `function` to the function with this name in the library or its dependencies; null if
  /// there is none. The type is not checked: use decltype of the declaration in the header.
  template <typename Function>
  void find(Function*& function, const char* name) {
    function = reinterpret_cast<Function*>(look_up(name));
  }

  /// Whether the library and every function of a call to `find` were found.
  [[nodiscard]] bool is_whole() const { return is_whole_; }

 private:
  void* look_up(const char* name);

  void* handle_;
  bool is_whole_;
};

}  // namespace nexakey::system
