#include "store/http/curl.h"

#include <dlfcn.h>

namespace nexakey::store::http {
namespace {

using core::Result;

constexpr const char* kLibrary = "libcurl.so.4";

template <typename Function>
bool find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(::dlsym(library, name));
  return function != nullptr;
}

Result<Curl> load_library() {
  void* const library = ::dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL);
  Curl curl;
  const bool is_there = library != nullptr && find(library, "curl_global_init", curl.global_init) &&
                        find(library, "curl_easy_init", curl.easy_init) &&
                        find(library, "curl_easy_reset", curl.easy_reset) &&
                        find(library, "curl_easy_setopt", curl.easy_setopt) &&
                        find(library, "curl_easy_perform", curl.easy_perform) &&
                        find(library, "curl_easy_getinfo", curl.easy_getinfo) &&
                        find(library, "curl_easy_strerror", curl.easy_strerror) &&
                        find(library, "curl_easy_cleanup", curl.easy_cleanup) &&
                        find(library, "curl_getdate", curl.getdate);
  if (!is_there || curl.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
    return core::fail(core::ErrorCode::store_unavailable,
                      std::string(kLibrary) + ", which a remote store needs, can't be loaded",
                      "apt-get install libcurl4");
  }
  return curl;
}

}  // namespace

Result<const Curl*> Curl::load() {
  static const Result<Curl> curl = load_library();
  return curl ? Result<const Curl*>(&*curl) : Result<const Curl*>(tl::unexpected(curl.error()));
}

}  // namespace nexakey::store::http
