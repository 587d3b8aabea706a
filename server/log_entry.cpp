#include "server/log_entry.h"

#include "core/credential.h"

namespace nexakey::server {

LogEntry describe(const HttpRequest& request, const HttpResponse& response) {
  const auto& asked = request.resolved.asked;
  const std::string& target = asked ? asked->path : request.head.target;
  return {.at = core::system_time(),
          .peer = request.head.peer.to_string(),
          .method = asked ? asked->method : request.head.method,
          .path = core::mask_credentials(target.substr(0, target.find('?'))),
          .status = response.status,
          .detail = response.detail,
          .key_id = response.key_id ? response.key_id->to_string() : "",
          .client_ip = response.client_ip ? response.client_ip->to_string() : ""};
}

}  // namespace nexakey::server
