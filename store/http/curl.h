#pragma once

#include <memory>

#include <curl/curl.h>

#include "core/error.h"

namespace nexakey::store::http {

/// The functions of libcurl that a remote store needs. Linked, libcurl and its libraries would
/// double the start-up time of every command; so it is loaded when the first remote store is
/// opened.
struct Curl {
  decltype(&curl_global_init) global_init = nullptr;
  decltype(&curl_easy_init) easy_init = nullptr;
  decltype(&curl_easy_reset) easy_reset = nullptr;
  decltype(&curl_easy_setopt) easy_setopt = nullptr;
  decltype(&curl_easy_perform) easy_perform = nullptr;
  decltype(&curl_easy_getinfo) easy_getinfo = nullptr;
  decltype(&curl_easy_strerror) easy_strerror = nullptr;
  decltype(&curl_easy_cleanup) easy_cleanup = nullptr;
  decltype(&curl_getdate) getdate = nullptr;

  /// The library, which the first call loads. `store_unavailable` if it is not installed.
  static core::Result<const Curl*> load();
};

/// Sends requests, and keeps its connections for the next one.
using CurlHandle = std::unique_ptr<CURL, decltype(&curl_easy_cleanup)>;

}  // namespace nexakey::store::http
