#pragma once

#include <span>
#include <string>

#include "server/access_log.h"
#include "server/decisions.h"
#include "server/metrics.h"
#include "server/resolved.h"

namespace nexakey::server {

/// What one loop counts and logs. For its thread only.
class Recorder {
 public:
  Recorder(LoopMetrics& metrics, AccessLog& log) : metrics_(metrics), log_(log) {}

  /// Counts and logs a request and its response.
  void record(const HttpRequest& request, const HttpResponse& response);
  /// Counts decisions.
  void record(std::span<const Decided> decided);
  /// Writes the lines that were logged since the last call.
  void flush();

  [[nodiscard]] LoopMetrics& metrics() { return metrics_; }

 private:
  LoopMetrics& metrics_;
  AccessLog& log_;
  std::string lines_;
};

}  // namespace nexakey::server
