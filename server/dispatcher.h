#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "server/connection.h"
#include "server/http.h"
#include "server/service.h"
#include "server/workers.h"

namespace nexakey::server {

/// Has the requests of all connections answered: those that need decisions by the loop itself, all
/// that a turn of it finds ready as one batch; those that can take long by the workers.
class Dispatcher {
 public:
  /// `flush` is called when the answers of a turn are given: for a log that is written in pieces.
  Dispatcher(boost::asio::io_context& context, Service& service, Workers& workers,
             std::function<void()> flush);

  [[nodiscard]] static bool is_slow(const HttpRequest& request);
  void decide(std::shared_ptr<Connection> connection, HttpRequest request);
  void work(std::shared_ptr<Connection> connection, HttpRequest request);

  /// Something came that is no request, and was answered with this status.
  void count_refusal(int status);
  void count_failed_handshake();

  /// How many requests the workers have that are not answered yet.
  [[nodiscard]] std::size_t in_work() const { return in_work_; }

 private:
  void decide_all();
  void finish(const std::shared_ptr<Connection>& connection, const HttpRequest& request,
              const HttpResponse& response);

  boost::asio::io_context& context_;
  Service& service_;
  Workers& workers_;
  std::function<void()> flush_;
  std::vector<std::shared_ptr<Connection>> waiting_;
  std::vector<HttpRequest> requests_;  // of those, in the same order
  std::size_t in_work_ = 0;
};

}  // namespace nexakey::server
