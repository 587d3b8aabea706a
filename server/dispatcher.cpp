#include "server/dispatcher.h"

#include <exception>
#include <string_view>
#include <utility>

#include <boost/asio/post.hpp>

#include "server/responses.h"

namespace nexakey::server {
namespace {

namespace asio = boost::asio;

/// What `work` makes of the store, or `refuse` of an error. On a thread, an exception would end the
/// process, and with it all other requests.
template <typename Work, typename Refuse>
auto attempt(const core::Result<store::ServedStore*>& store, const Work& work, const Refuse& refuse)
    -> decltype(refuse(core::Error())) {
  try {
    return store ? work(**store) : refuse(store.error());
  } catch (const std::exception& exception) {
    return refuse({core::ErrorCode::failed, exception.what(), ""});
  }
}

}  // namespace

Dispatcher::Dispatcher(asio::io_context& context, Service& service, store::ServedStore& store,
                       const OpenStore& open_store, const Limits& limits,
                       std::function<void()> flush)
    : context_(context),
      service_(service),
      store_(store),
      flush_(std::move(flush)),
      workers_(open_store, limits.workers, limits.queue) {
  for (std::size_t i = 0; i < limits.deciders; ++i) {
    deciders_.emplace_back(open_store);
  }
}

void Dispatcher::decide(Asker asker, HttpRequest request) {
  if (auto response = service_.answer_at_once(request)) {
    ++in_work_;
    asio::post(context_, [this, asker = std::move(asker), request = std::move(request),
                          response = *std::move(response)]() mutable {
      finish(asker, request, std::move(response));
    });
    return;
  }
  ready_.askers.push_back(std::move(asker));
  ready_.requests.push_back(std::move(request));
  if (ready_.requests.size() == 1) {
    // Behind all that this turn has found ready.
    asio::post(context_, [this] { take_turn(); });
  }
}

void Dispatcher::take_turn() {
  Batch batch = std::exchange(ready_, {});
  if (deciders_.empty()) {
    finish(batch, service_.answer(store_, batch.requests));
    return;
  }
  for (std::size_t i = 0; i < batch.requests.size(); ++i) {
    Batch& waiting = decider_of(batch.requests[i]).waiting;
    waiting.askers.push_back(std::move(batch.askers[i]));
    waiting.requests.push_back(std::move(batch.requests[i]));
  }
  for (Decider& decider : deciders_) {
    begin(decider);
  }
}

/// By the key that a gateway asks about, or else by the body.
Dispatcher::Decider& Dispatcher::decider_of(const HttpRequest& request) {
  const auto& gateway = request.resolved.asked;
  const std::string_view asked =
      gateway ? std::string_view(reinterpret_cast<const char*>(gateway->key_hash.data()),
                                 gateway->key_hash.size())
              : std::string_view(request.body);
  return deciders_[std::hash<std::string_view>()(asked) % deciders_.size()];
}

void Dispatcher::begin(Decider& decider) {
  if (decider.is_busy || decider.waiting.requests.empty()) {
    return;
  }
  const auto batch = std::make_shared<const Batch>(std::exchange(decider.waiting, {}));
  decider.is_busy = decider.thread.submit([this, batch, &decider](const auto& store) {
    auto answers = attempt(
        store, [&](store::ServedStore& own) { return service_.answer(own, batch->requests); },
        [&](const core::Error& error) { return service_.refuse(batch->requests, error); });
    asio::post(context_, [this, batch, &decider, answers = std::move(answers)]() mutable {
      decider.is_busy = false;
      begin(decider);  // so that the store does not wait for what follows
      in_work_ -= batch->requests.size();
      finish(*batch, std::move(answers));
    });
  });
  in_work_ += batch->requests.size();
}

void Dispatcher::finish(const Batch& batch, Answers answers) {
  service_.record(batch.requests, answers);
  const std::string date = http_date();
  for (std::size_t i = 0; i < batch.askers.size(); ++i) {
    const auto& [connection, number] = batch.askers[i];
    connection->answer(number, std::move(answers.responses[i]), date);
  }
  flush_();
}

void Dispatcher::work(Asker asker, HttpRequest request) {
  const auto shared = std::make_shared<const HttpRequest>(std::move(request));
  ++in_work_;
  const auto done = [this, asker = std::move(asker), shared](HttpResponse response) {
    asio::post(context_, [this, asker, shared, response = std::move(response)]() mutable {
      finish(asker, *shared, std::move(response));
    });
  };
  const bool is_taken = workers_.submit([this, shared, done](const auto& store) {
    done(attempt(
        store, [&](store::ServedStore& own) { return service_.work(own, *shared); },
        [](const core::Error& error) { return problem(error); }));
  });
  if (!is_taken) {
    done(problem({core::ErrorCode::store_unavailable, "too many requests are waiting already",
                  "try again in a moment"}));
  }
}

void Dispatcher::count_refusal(int status) {
  service_.metrics().add_request(RouteClass::unknown, status);
}

void Dispatcher::count_failed_handshake() { ++service_.metrics().failed_handshakes; }

void Dispatcher::finish(const Asker& asker, const HttpRequest& request, HttpResponse response) {
  --in_work_;
  service_.record(request, response);
  asker.connection->answer(asker.number, std::move(response), http_date());
  flush_();
}

}  // namespace nexakey::server
