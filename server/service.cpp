#include "server/service.h"

#include <chrono>
#include <optional>

#include <nlohmann/json.hpp>

#include "core/json.h"
#include "core/json_reader.h"
#include "core/query.h"
#include "server/api.h"
#include "server/openapi.h"
#include "server/responses.h"
#include "server/routes.h"

namespace nexakey::server {
namespace {

using core::ErrorCode;
using core::Result;

/// What this server speaks, for programs.
HttpResponse contract() {
  HttpResponse response;
  response.headers.emplace_back("Content-Type", "application/json");
  response.static_body = kOpenApi;
  return response;
}

HttpResponse fine() {
  return json_response(
      [](core::JsonWriter& json) { json.begin_object().name("status").plain("ok").end_object(); });
}

core::Error elsewhere(const std::string& only) {
  return {ErrorCode::forbidden, "this is limited to the workspace " + only, ""};
}

/// Makes requests or answers be about the keys of one workspace, if there is only one; false: one
/// of them is about another.
template <typename T>
bool confine(std::span<T> questions, const std::optional<std::string>& only) {
  if (only) {
    for (T& question : questions) {
      if (question.workspace.value_or(*only) != *only) {
        return false;
      }
      question.workspace = only;
    }
  }
  return true;
}

void count(Metrics& metrics, const HttpRequest& request, const HttpResponse& response) {
  metrics.add_request(request.resolved.route->metric_class, response.status);
  metrics.store_errors += response.is_store_error ? 1 : 0;
}

/// The answer where the store did not give one.
HttpResponse failure(const HttpRequest& request, const core::Error& error) {
  const auto* const gateway = std::get_if<Gateway>(&request.resolved.route->handler);
  HttpResponse response = gateway != nullptr ? deny_gateway(*gateway, 503) : problem(error);
  response.detail = error.message;
  response.is_store_error = true;
  return response;
}

HttpResponse ready(store::ServedStore& store) {
  core::Request nobody;
  nobody.credential = core::Credential::key;  // one that the store has to look for
  const auto asked = store.verify({&nobody, 1}, {.counting = store::Counting::dry_run});
  return asked ? fine() : problem(asked.error());
}

/// Looks the token up, if the route needs one; the answer if there is none that will do.
std::optional<HttpResponse> find_token(store::ServedStore& store, Resolved& resolved) {
  if (resolved.needs_token()) {
    const auto tokens = store.find_tokens({&*resolved.credential, 1});
    if (!tokens) {
      return problem(tokens.error());
    }
    admit(resolved, tokens->front());
  }
  return resolved.refusal;
}

Result<Decided> verify(store::ServedStore& store, std::span<const core::Request> asked,
                       const store::VerifyOptions& options) {
  using std::chrono::steady_clock;
  const auto began = steady_clock::now();
  return store.verify(asked, options).map([&](std::vector<store::Verification>&& made) {
    return Decided{
        .verifications = std::move(made),
        .time = std::chrono::duration_cast<std::chrono::microseconds>(steady_clock::now() - began)};
  });
}

/// The answers in a document: one, or an array of them.
Result<std::vector<core::UpstreamResponse>> read_upstream_responses(const std::string& body) {
  return core::parse_json(body).and_then([](const core::Json& json) {
    std::vector<core::UpstreamResponse> answers;
    for (const core::Json& element : json.is_array() ? json : core::Json::array({json})) {
      auto answer = core::read_upstream_response(element);
      if (!answer) {
        return Result<std::vector<core::UpstreamResponse>>(
            tl::unexpected(std::move(answer.error())));
      }
      answers.push_back(*std::move(answer));
    }
    return Result<std::vector<core::UpstreamResponse>>(std::move(answers));
  });
}

}  // namespace

/// One request on its way: answered, or waiting for decisions.
struct Service::Task {
  std::optional<HttpResponse> response{};

  std::optional<Gateway> gateway{};
  std::vector<core::Request> asked{};
  store::VerifyOptions options{};
  bool is_array = false;
  std::string key_id{};
  std::string client_ip{};

  /// Whether its decisions can be made together with those of others.
  [[nodiscard]] bool is_common() const {
    return !response && options.counting == store::Counting::counted && !options.explain;
  }

  static Task done(HttpResponse answer) {
    Task task;
    task.response = std::move(answer);
    return task;
  }
  static Task refused(const core::Error& error) { return done(problem(error)); }

  [[nodiscard]] LogEntry describe(const HttpRequest& request) const;
};

LogEntry Service::Task::describe(const HttpRequest& request) const {
  // Of a gateway's request it matters what it asks about.
  const core::Request* const wanted = gateway && !asked.empty() ? &asked.front() : nullptr;
  const std::string& target = wanted == nullptr ? request.head.target : wanted->path;
  return {.at = core::system_time(),
          .peer = request.head.peer.to_string(),
          .method = wanted == nullptr ? request.head.method : wanted->method,
          .path = core::mask_credentials(target.substr(0, target.find('?'))),
          .status = response->status,
          .detail = response->detail,
          .key_id = key_id,
          .client_ip = client_ip};
}

Service::Service(TrustedProxies proxies, std::optional<std::string> workspace,
                 std::function<void(const LogEntry&)> log)
    : proxies_(std::move(proxies)), workspace_(std::move(workspace)), log_(std::move(log)) {}

Resolved Service::resolve(const RequestHead& head) const { return server::resolve(head, proxies_); }

HttpResponse Service::work(store::ServedStore& store, const HttpRequest& request) const {
  HttpRequest own = request;
  if (auto refusal = find_token(store, own.resolved)) {
    return *std::move(refusal);
  }
  return call_handler(store, own, workspace_);
}

Answers Service::answer(store::ServedStore& store, std::span<const HttpRequest> requests) const {
  std::vector<Task> tasks;
  tasks.reserve(requests.size());
  std::vector<core::Request> asked;
  for (const HttpRequest& request : requests) {
    Task& task = tasks.emplace_back(start(store, request));
    if (task.is_common()) {
      asked.insert(asked.end(), task.asked.begin(), task.asked.end());
    }
  }
  auto common = asked.empty() ? Result<Decided>() : verify(store, asked, {});
  std::size_t first = 0;
  Answers answers;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    Task& task = tasks[i];
    if (task.is_common() && common) {
      finish(task, std::span(common->verifications).subspan(first, task.asked.size()));
      first += task.asked.size();
    } else if (task.is_common()) {
      task.response = failure(requests[i], common.error());
    } else if (!task.response) {
      auto own = verify(store, task.asked, task.options);
      if (!own) {
        task.response = failure(requests[i], own.error());
      } else {
        finish(task, own->verifications);
        if (task.options.counting == store::Counting::counted) {
          answers.decided.push_back(*std::move(own));
        }
      }
    }
    if (log_) {
      answers.entries.push_back(task.describe(requests[i]));
    }
    answers.responses.push_back(*std::move(task.response));
  }
  if (common && !common->verifications.empty()) {
    answers.decided.push_back(*std::move(common));
  }
  return answers;
}

Answers Service::refuse(std::span<const HttpRequest> requests, const core::Error& error) const {
  Answers answers;
  for (const HttpRequest& request : requests) {
    Task task = Task::done(failure(request, error));
    if (log_) {
      answers.entries.push_back(task.describe(request));
    }
    answers.responses.push_back(*std::move(task.response));
  }
  return answers;
}

std::optional<HttpResponse> Service::answer_at_once(const HttpRequest& request) const {
  if (request.resolved.refusal) {
    return request.resolved.refusal;
  }
  const auto* const answer = std::get_if<Inline>(&request.resolved.route->handler);
  if (answer == nullptr) {
    return std::nullopt;
  }
  switch (*answer) {
    case Inline::openapi:
      return contract();
    case Inline::healthz:
      return fine();
    case Inline::metrics:
      return tell_metrics();
    case Inline::verify:
    case Inline::record_responses:
    case Inline::readyz:
      break;
  }
  return std::nullopt;
}

Service::Task Service::start(store::ServedStore& store, const HttpRequest& request) const {
  Resolved resolved = request.resolved;
  if (auto refusal = find_token(store, resolved)) {
    return Task::done(*std::move(refusal));
  }
  if (resolved.asked) {
    return start_gateway(resolved);
  }
  const auto* const answer = std::get_if<Inline>(&resolved.route->handler);
  if (answer != nullptr && *answer == Inline::verify) {
    return start_verify(request, *resolved.token);
  }
  if (answer != nullptr && *answer == Inline::record_responses) {
    return Task::done(report(store, request, *resolved.token));
  }
  return Task::done(ready(store));
}

Service::Task Service::start_gateway(const Resolved& resolved) const {
  Task task;
  task.gateway = std::get<Gateway>(resolved.route->handler);
  task.asked.push_back(*resolved.asked);
  task.asked.front().workspace = workspace_;
  return task;
}

Service::Task Service::start_verify(const HttpRequest& request, const core::Token& token) const {
  const auto workspace = workspace_of(token, workspace_);
  if (!workspace) {
    return Task::refused(workspace.error());
  }
  auto query = core::Query::parse(request.head.query());
  if (!query) {
    return Task::refused(query.error());
  }
  const auto dry_run = core::take_flag(*query, "dry_run");
  const auto explain = core::take_flag(*query, "explain");
  const auto rest = query->check_taken();
  if (!dry_run || !explain || !rest) {
    return Task::refused(!dry_run ? dry_run.error() : !explain ? explain.error() : rest.error());
  }
  auto document = core::parse_requests(request.body);
  if (!document) {
    return Task::refused(document.error());
  }
  Task task;
  task.options = {.counting = *dry_run ? store::Counting::dry_run : store::Counting::counted,
                  .explain = *explain};
  task.is_array = document->is_array;
  task.asked = std::move(document->requests);
  if (!confine(std::span(task.asked), *workspace)) {
    return Task::refused(elsewhere(**workspace));
  }
  return task;
}

HttpResponse Service::report(store::ServedStore& store, const HttpRequest& request,
                             const core::Token& token) const {
  const auto workspace = workspace_of(token, workspace_);
  auto answers =
      workspace ? read_upstream_responses(request.body)
                : Result<std::vector<core::UpstreamResponse>>(tl::unexpected(workspace.error()));
  if (!answers) {
    return problem(answers.error());
  }
  if (!confine(std::span(*answers), *workspace)) {
    return problem(elsewhere(**workspace));
  }
  const auto reported = store.record_responses(*answers);
  return reported ? HttpResponse{.status = 204} : problem(reported.error());
}

HttpResponse Service::tell_metrics() const {
  HttpResponse response;
  response.headers.emplace_back("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
  response.headers.emplace_back("Cache-Control", "no-store");
  response.body = format_metrics(metrics_, NEXAKEY_VERSION);
  return response;
}

void Service::finish(Task& task, std::span<const store::Verification> verifications) {
  std::string detail;
  if (!verifications.empty()) {
    const core::Decision& decision = verifications.front().decision;
    detail = core::name_of(decision.reason);
    task.key_id = decision.key_id ? decision.key_id->to_string() : "";
    task.client_ip = decision.client_ip ? decision.client_ip->to_string() : "";
  }
  if (task.gateway) {
    task.response = answer_gateway(*task.gateway, verifications.front().decision);
    task.response->detail = std::move(detail);
    return;
  }
  task.response = json_response([&](core::JsonWriter& json) {
    if (task.is_array) {
      json.begin_array();
    }
    for (const store::Verification& verification : verifications) {
      core::write_decision(json, verification.decision, verification.checks);
    }
    if (task.is_array) {
      json.end_array();
    }
  });
  task.response->detail = std::move(detail);
}

void Service::record(const HttpRequest& request, const HttpResponse& response) {
  count(metrics_, request, response);
  if (log_) {
    log_({.at = core::system_time(),
          .peer = request.head.peer.to_string(),
          .method = request.head.method,
          .path = core::mask_credentials(std::string(request.head.path())),
          .status = response.status,
          .detail = response.detail,
          .key_id = {},
          .client_ip = {}});
  }
}

void Service::record(std::span<const HttpRequest> requests, const Answers& answers) {
  for (const Decided& decided : answers.decided) {
    metrics_.add_decisions(decided.verifications, decided.time);
  }
  for (std::size_t i = 0; i < requests.size(); ++i) {
    count(metrics_, requests[i], answers.responses[i]);
  }
  for (const LogEntry& entry : answers.entries) {
    log_(entry);
  }
}

}  // namespace nexakey::server
