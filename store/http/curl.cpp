#include "store/http/curl.h"

#include "system/library.h"

namespace nexakey::store::http {
namespace {

using core::Result;

constexpr const char* kLibrary = "libcurl.so.4";

Result<Curl> load_library() {
  system::Library library(kLibrary);
  Curl curl;
  library.find(curl.global_init, "curl_global_init");
  library.find(curl.easy_init, "curl_easy_init");
  library.find(curl.easy_reset, "curl_easy_reset");
  library.find(curl.easy_setopt, "curl_easy_setopt");
  library.find(curl.easy_perform, "curl_easy_perform");
  library.find(curl.easy_getinfo, "curl_easy_getinfo");
  library.find(curl.easy_strerror, "curl_easy_strerror");
  library.find(curl.easy_cleanup, "curl_easy_cleanup");
  library.find(curl.getdate, "curl_getdate");
  if (!library.is_whole() || curl.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
    return core::fail(core::ErrorCode::store_unavailable,
                      std::string(kLibrary) + ", which a remote store needs, cannot be loaded",
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
