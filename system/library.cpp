#include "system/library.h"

#include <dlfcn.h>

namespace nexakey::system {

Library::Library(const char* name)
    : handle_(::dlopen(name, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE)),
      is_whole_(handle_ != nullptr) {}

Library::~Library() {
  if (handle_ != nullptr) {
    ::dlclose(handle_);
  }
}

void* Library::look_up(const char* name) {
  void* const found = handle_ == nullptr ? nullptr : ::dlsym(handle_, name);
  is_whole_ = is_whole_ && found != nullptr;
  return found;
}

}  // namespace nexakey::system
