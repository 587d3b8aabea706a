#pragma once

#include <string>
#include <string_view>

#include "core/error.h"

namespace nexakey::store::http {

/// Where a remote store is.
struct Url {
  std::string text;         ///< as messages show it
  std::string base;         ///< the prefix of the paths of the API
  std::string socket_path;  ///< of a Unix socket; empty: it is reached by TCP
  bool is_local = false;    ///< on this machine: requests pass no network and no proxy
  bool is_encrypted = false;

  /// Reads what follows the colon of `https://HOST[:PORT]`, `http://HOST[:PORT]` or `unix:PATH`.
  /// Users and passwords, paths and queries are refused; so is http to another machine, which would
  /// send the token in clear.
  static core::Result<Url> parse(std::string_view scheme, const std::string& rest);
};

}  // namespace nexakey::store::http
