#include "server/recorder.h"

#include "server/log_entry.h"
#include "server/routes.h"

namespace nexakey::server {

void Recorder::record(const HttpRequest& request, const HttpResponse& response) {
  metrics_.add_request(request.resolved.route->metric_class, response.status);
  metrics_.store_errors += response.is_store_error ? 1 : 0;
  if (log_.has_requests()) {
    log_.append(lines_, describe(request, response));
  }
}

void Recorder::record(std::span<const Decided> decided) {
  for (const Decided& batch : decided) {
    metrics_.add_decisions(batch.verifications, batch.time);
  }
}

void Recorder::flush() {
  if (!lines_.empty()) {
    log_.write(lines_);
    lines_.clear();
  }
}

}  // namespace nexakey::server
