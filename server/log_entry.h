#pragma once

#include <string>

#include "core/time.h"
#include "server/resolved.h"

namespace nexakey::server {

/// A request and its response, for the log. Contains no secrets.
struct LogEntry {
  core::Time at;
  std::string peer;
  std::string method;
  std::string path;  ///< without the query
  int status = 0;
  std::string detail;  ///< the reason of a decision, or what was wrong
  std::string key_id;  ///< empty if it is not known
  std::string client_ip;
};

/// The entry of a request. A gateway's has the method and path that the gateway asks about.
LogEntry describe(const HttpRequest& request, const HttpResponse& response);

}  // namespace nexakey::server
