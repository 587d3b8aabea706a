#include "server/dispatcher.h"

#include <string_view>
#include <utility>

#include <boost/asio/post.hpp>

#include "server/open_routes.h"
#include "server/question.h"
#include "server/responses.h"
#include "server/routes.h"

namespace nexakey::server {
namespace {

namespace asio = boost::asio;
using StoreResult = core::Result<store::ServedStore*>;

/// The maximum number of tokens in one call of the store.
constexpr std::size_t kMaxTokens = 256;

template <typename Items>
std::vector<const HttpRequest*> requests_of(const Items& batch) {
  std::vector<const HttpRequest*> requests;
  requests.reserve(batch.size());
  for (const auto& waiting : batch) {
    requests.push_back(&waiting.request);
  }
  return requests;
}

template <typename Items>
core::Result<std::vector<std::optional<core::Token>>> find_tokens(const StoreResult& store,
                                                                  const Items& batch) {
  if (!store) {
    return tl::unexpected(store.error());
  }
  std::vector<core::CredentialHash> hashes;
  hashes.reserve(batch.size());
  for (const auto& admission : batch) {
    hashes.push_back(*admission.resolved.credential);
  }
  return (*store)->find_tokens(hashes);
}

/// Runs on a worker. The request may have waited so long that its token must be looked up again.
HttpResponse call(const Service& service, const StoreResult& store, HttpRequest& request) {
  if (!store) {
    return store_problem(store.error());
  }
  if (request.resolved.needs_token()) {
    const auto tokens = (*store)->find_tokens({&*request.resolved.credential, 1});
    if (!tokens) {
      return store_problem(tokens.error());
    }
    admit(request.resolved, tokens->front());
  }
  return request.resolved.refusal ? *request.resolved.refusal : service.call(**store, request);
}

HttpResponse broken(const std::exception& exception) {
  HttpResponse response =
      problem({core::ErrorCode::failed, "the server failed to answer", "see its log"});
  response.detail = exception.what();
  return response;
}

Doer doer_of(store::ServedStore* store, std::optional<Workers>& thread) {
  return thread ? Doer(&*thread) : Doer(store);
}

core::Error too_many() {
  return {core::ErrorCode::store_unavailable, "too many requests are waiting already",
          "try again in a moment"};
}

HttpResponse busy() { return problem(too_many()); }

}  // namespace

Dispatcher::Dispatcher(asio::io_context& context, const Service& service, Recorder& recorder,
                       store::ServedStore* store, Threads& threads)
    : context_(context),
      service_(service),
      recorder_(recorder),
      threads_(threads),
      admissions_(
          context, doer_of(store, threads.tokens), kMaxTokens,
          [](const Admission& /*admission*/) { return 1; },
          [](const StoreResult& own, const auto& batch) { return find_tokens(own, batch); },
          [this](auto batch, const Tokens& tokens) {
            finish_admissions(std::move(batch), tokens);
          }),
      probes_(
          context, doer_of(store, threads.probes), SIZE_MAX,
          [](const Waiting& /*waiting*/) { return 1; },
          [](const StoreResult& own, const auto& /*batch*/) { return probe(own); },
          [this](const auto& batch, const HttpResponse& response) {
            for (const Waiting& waiting : batch) {
              finish(waiting, response);
            }
          }) {
  if (threads.deciders.empty()) {
    add_decider(store);
  }
  for (Workers& thread : threads.deciders) {
    add_decider(&thread);
  }
}

void Dispatcher::add_decider(Doer doer) {
  deciders_.emplace_back(
      context_, doer, kMaxWeight, [](const Waiting& waiting) { return weight_of(waiting.request); },
      [this](const StoreResult& own, const auto& batch) {
        const auto requests = requests_of(batch);
        return own ? service_.decide(**own, requests) : refuse_batch(requests, own.error());
      },
      [this](const auto& batch, Answers answers) {
        recorder_.record(answers.decided);
        for (std::size_t n = 0; n < batch.size(); ++n) {
          finish(batch[n], std::move(answers.responses[n]));
        }
      });
}

void Dispatcher::admit(Resolved resolved, std::function<void(Resolved)> then) {
  Admission admission{.resolved = std::move(resolved), .then = std::move(then)};
  if (admission.resolved.id_token.empty()) {
    admissions_.add(std::move(admission));
  } else {
    identify(std::move(admission));
  }
}

void Dispatcher::identify(Admission admission) {
  const auto shared = std::make_shared<Admission>(std::move(admission));
  const auto done = [this, shared](const core::Result<Identity>& identity) {
    asio::post(context_, [shared, identity] {
      server::admit(shared->resolved, identity);
      shared->then(std::move(shared->resolved));
    });
  };
  const bool is_taken = threads_.identifiers.submit([this, shared, done](const StoreResult& store) {
    try {
      done(store ? service_.identify(**store, shared->resolved) : tl::unexpected(store.error()));
    } catch (const std::exception& exception) {  // would end the process
      done(core::fail(core::ErrorCode::store_unavailable, exception.what()));
    }
  });
  if (!is_taken) {
    done(tl::unexpected(too_many()));
  }
}

void Dispatcher::finish_admissions(std::vector<Admission> batch, const Tokens& tokens) {
  for (std::size_t i = 0; i < batch.size(); ++i) {
    Resolved& resolved = batch[i].resolved;
    if (tokens) {
      server::admit(resolved, (*tokens)[i]);
    } else {
      resolved.refusal = store_problem(tokens.error());
    }
    batch[i].then(std::move(resolved));
  }
}

void Dispatcher::run(Asker asker, HttpRequest request) {
  ++in_work_;
  route({.asker = std::move(asker), .request = std::move(request)});
}

void Dispatcher::route(Waiting waiting) {
  Resolved& resolved = waiting.request.resolved;
  if (resolved.is_answered_at_once()) {
    answer_at_once(std::move(waiting));
  } else if (resolved.needs_token()) {
    Resolved own = std::move(resolved);
    admit(std::move(own), [this, waiting = std::move(waiting)](Resolved admitted) mutable {
      waiting.request.resolved = std::move(admitted);
      route(std::move(waiting));
    });
  } else if (resolved.is_offloaded()) {
    offload(std::move(waiting));
  } else if (std::holds_alternative<Probe>(resolved.route->handler)) {
    probes_.add(std::move(waiting));
  } else {
    auto& decider = decider_of(waiting.request);
    decider.add(std::move(waiting));
  }
}

void Dispatcher::answer_at_once(Waiting waiting) {
  asio::post(context_, [this, waiting = std::move(waiting)] {
    finish(waiting, service_.answer_at_once(waiting.request.resolved));
  });
}

void Dispatcher::offload(Waiting waiting) {
  const auto shared = std::make_shared<Waiting>(std::move(waiting));
  const auto done = [this, shared](HttpResponse response) {
    asio::post(context_, [this, shared, response = std::move(response)]() mutable {
      finish(*shared, std::move(response));
    });
  };
  // A flood of made-up keys must not delay a holder who revokes a leaked one.
  const Resolved& resolved = shared->request.resolved;
  const bool is_of_holder =
      resolved.permission == Permission::key && resolved.route->body == Body::ignored;
  Workers& workers = is_of_holder ? threads_.holders : threads_.workers;
  const bool is_taken = workers.submit([this, shared, done](const StoreResult& store) {
    try {
      done(call(service_, store, shared->request));
    } catch (const std::exception& exception) {  // would end the process
      done(broken(exception));
    }
  });
  if (!is_taken) {
    done(busy());
  }
}

/// The decider for the key that a gateway asks about, or else for the body.
Dispatcher::Decider& Dispatcher::decider_of(const HttpRequest& request) {
  const auto& asked = request.resolved.asked;
  const std::string_view part =
      asked ? std::string_view(reinterpret_cast<const char*>(asked->key_hash.data()),
                               asked->key_hash.size())
            : std::string_view(request.body);
  return deciders_[std::hash<std::string_view>()(part) % deciders_.size()];
}

void Dispatcher::finish(const Waiting& waiting, HttpResponse response) {
  --in_work_;
  recorder_.record(waiting.request, response);
  waiting.asker.connection->answer(waiting.asker.number, std::move(response), http_date());
  flush_soon();
}

/// Writes the log once for all responses of a turn.
void Dispatcher::flush_soon() {
  if (!std::exchange(is_flush_due_, true)) {
    asio::post(context_, [this] {
      is_flush_due_ = false;
      recorder_.flush();
    });
  }
}

void Dispatcher::count_refusal(int status) {
  recorder_.metrics().add_request(RouteClass::unknown, status);
}

void Dispatcher::count_out_of_buffers() { ++recorder_.metrics().out_of_buffers; }

void Dispatcher::count_failed_handshake() { ++recorder_.metrics().failed_handshakes; }

}  // namespace nexakey::server
