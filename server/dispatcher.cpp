#include "server/dispatcher.h"

#include <utility>

#include <boost/asio/post.hpp>

#include "server/responses.h"

namespace nexakey::server {

namespace asio = boost::asio;

Dispatcher::Dispatcher(asio::io_context& context, Service& service, Workers& workers,
                       std::function<void()> flush)
    : context_(context), service_(service), workers_(workers), flush_(std::move(flush)) {}

bool Dispatcher::is_slow(const HttpRequest& request) { return Service::is_slow(request); }

void Dispatcher::decide(std::shared_ptr<Connection> connection, HttpRequest request) {
  waiting_.push_back(std::move(connection));
  requests_.push_back(std::move(request));
  if (waiting_.size() == 1) {
    // Behind all that this turn has found ready.
    asio::post(context_, [this] { decide_all(); });
  }
}

void Dispatcher::decide_all() {
  const auto waiting = std::exchange(waiting_, {});
  const auto requests = std::exchange(requests_, {});
  const auto responses = service_.answer(requests);
  const std::string date = http_date();
  for (std::size_t i = 0; i < waiting.size(); ++i) {
    waiting[i]->answer(responses[i], date);
  }
  flush_();
}

void Dispatcher::work(std::shared_ptr<Connection> connection, HttpRequest request) {
  const auto shared = std::make_shared<const HttpRequest>(std::move(request));
  ++in_work_;
  auto done = [this, connection = std::move(connection), shared](HttpResponse response) {
    asio::post(context_, [this, connection, shared, response = std::move(response)] {
      finish(connection, *shared, response);
    });
  };
  const bool is_taken = workers_.submit(
      [this, shared](store::KeyStore& store) { return service_.work(store, *shared); }, done);
  if (!is_taken) {
    done(problem({core::ErrorCode::store_unavailable, "too many requests are waiting already",
                  "try again in a moment"}));
  }
}

void Dispatcher::count_refusal(int status) {
  service_.metrics().add_request(RouteClass::unknown, status);
}

void Dispatcher::count_failed_handshake() { ++service_.metrics().failed_handshakes; }

void Dispatcher::finish(const std::shared_ptr<Connection>& connection, const HttpRequest& request,
                        const HttpResponse& response) {
  --in_work_;
  service_.record(request, response);
  connection->answer(response, http_date());
  flush_();
}

}  // namespace nexakey::server
