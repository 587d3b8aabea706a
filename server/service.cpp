#include "server/service.h"

#include <optional>

#include <nlohmann/json.hpp>

#include "core/json.h"
#include "core/json_reader.h"
#include "core/query.h"
#include "core/text.h"

namespace nexakey::server {
namespace {

using core::ErrorCode;
using core::Result;

constexpr const char* kChallenge = "Bearer realm=\"nexakey\"";

template <typename Write>
HttpResponse json_response(const Write& write) {
  HttpResponse response;
  response.headers.emplace_back("Content-Type", "application/json");
  response.headers.emplace_back("Cache-Control", "no-store");
  core::JsonWriter json(response.body);
  write(json);
  response.body += '\n';
  return response;
}

/// A problem document (RFC 9457) with the error as the command line prints it.
HttpResponse problem(int status, const core::Error& error) {
  HttpResponse response;
  response.status = status;
  response.detail = error.message;
  response.headers.emplace_back("Content-Type", "application/problem+json");
  response.headers.emplace_back("Cache-Control", "no-store");
  if (status == 401) {
    response.headers.emplace_back("WWW-Authenticate", kChallenge);
  }
  core::JsonWriter json(response.body);
  json.begin_object().name("status").number(status);
  json.name("title").string(error.message);
  core::write_error_member(json, error);
  json.end_object();
  response.body += '\n';
  return response;
}

HttpResponse problem(const core::Error& error) { return problem(status_of(error.code), error); }

HttpResponse fine() {
  return json_response(
      [](core::JsonWriter& json) { json.begin_object().name("status").plain("ok").end_object(); });
}

HttpResponse not_found() {
  return problem({ErrorCode::not_found, "there is nothing at this path", "see nexakey-serve(1)"});
}

HttpResponse wrong_method(std::string allowed) {
  HttpResponse response = problem(405, {ErrorCode::usage, "this path takes " + allowed, ""});
  response.headers.emplace_back("Allow", std::move(allowed));
  return response;
}

/// Makes requests be about the keys of one workspace, if there is only one; false: one of them is
/// about another.
bool confine(std::span<core::Request> requests, const std::optional<std::string>& only) {
  if (only) {
    for (core::Request& request : requests) {
      if (request.workspace.value_or(*only) != *only) {
        return false;
      }
      request.workspace = only;
    }
  }
  return true;
}

/// The answers in a document: one, or an array of them.
Result<std::vector<core::Answer>> read_answers(const std::string& body) {
  return core::parse_json(body).and_then([](const core::Json& json) {
    std::vector<core::Answer> answers;
    for (const core::Json& element : json.is_array() ? json : core::Json::array({json})) {
      auto answer = core::read_answer(element);
      if (!answer) {
        return Result<std::vector<core::Answer>>(tl::unexpected(std::move(answer.error())));
      }
      answers.push_back(*std::move(answer));
    }
    return Result<std::vector<core::Answer>>(std::move(answers));
  });
}

}  // namespace

int status_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::usage:
    case ErrorCode::ambiguous:
      return 400;
    case ErrorCode::not_found:
      return 404;
    case ErrorCode::conflict:
    case ErrorCode::confirmation_required:
      return 409;
    case ErrorCode::forbidden:
      return 403;
    case ErrorCode::store_unavailable:
      return 503;
    case ErrorCode::failed:
      break;
  }
  return 500;
}

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
};

Service::Service(store::KeyStore& store, TrustedProxies proxies,
                 std::optional<std::string> workspace, std::function<void(const LogEntry&)> log)
    : store_(store),
      proxies_(std::move(proxies)),
      workspace_(std::move(workspace)),
      log_(std::move(log)) {}

std::vector<HttpResponse> Service::answer(std::span<const HttpRequest> requests) {
  std::vector<Task> tasks;
  std::vector<core::Request> asked;
  for (const HttpRequest& request : requests) {
    Task& task = tasks.emplace_back(start(request));
    if (task.is_common()) {
      asked.insert(asked.end(), task.asked.begin(), task.asked.end());
    }
  }
  const auto common =
      asked.empty() ? Result<std::vector<store::Verification>>() : store_.verify(asked, {});
  std::size_t first = 0;
  std::vector<HttpResponse> responses;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    Task& task = tasks[i];
    if (task.is_common() && common) {
      finish(task, std::span(*common).subspan(first, task.asked.size()));
      first += task.asked.size();
    } else if (!task.response) {
      const auto own = task.is_common() ? common : store_.verify(task.asked, task.options);
      if (own) {
        finish(task, *own);
      } else {
        task.response = task.gateway ? deny_gateway(*task.gateway, 503) : problem(own.error());
        task.response->detail = own.error().message;
      }
    }
    write_log(requests[i], task);
    responses.push_back(*std::move(task.response));
  }
  return responses;
}

Service::Task Service::start(const HttpRequest& request) {
  const std::size_t question = std::min(request.target.find('?'), request.target.size());
  const std::string_view path = std::string_view(request.target).substr(0, question);
  const std::string_view query =
      std::string_view(request.target).substr(std::min(question + 1, request.target.size()));
  if (const auto gateway = gateway_of(path)) {
    return start_gateway(*gateway, request);
  }
  if (path == "/healthz" || path == "/readyz") {
    if (request.method != "GET" && request.method != "HEAD") {
      return Task::done(wrong_method("GET"));
    }
    return Task::done(path == "/readyz" ? ready() : fine());
  }
  const bool is_known = path == "/v1/verify" || path == "/v1/report" || path == "/v1/self/revoke";
  if (!is_known) {
    return Task::done(not_found());
  }
  if (request.method != "POST") {
    return Task::done(wrong_method("POST"));
  }
  if (path == "/v1/verify") {
    return start_verify(request, query);
  }
  return Task::done(path == "/v1/report" ? report(request) : revoke_self(request));
}

Service::Task Service::start_gateway(Gateway gateway, const HttpRequest& request) {
  auto wanted = read_gateway_request(gateway, request, proxies_);
  if (!wanted) {
    HttpResponse denial = deny_gateway(gateway, 403);
    denial.detail = std::move(wanted.error().message);
    return Task::done(std::move(denial));
  }
  Task task;
  task.gateway = gateway;
  wanted->workspace = workspace_;
  task.asked.push_back(*std::move(wanted));
  return task;
}

Service::Task Service::start_verify(const HttpRequest& request, std::string_view text) {
  const auto token = authorize(request);
  if (!token) {
    return Task::done(token.error());
  }
  auto query = core::Query::parse(text);
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
  for (const auto& only : {token->workspace, workspace_}) {
    if (!confine(task.asked, only)) {
      return Task::refused({ErrorCode::forbidden,
                            "decisions are given here for the workspace " + *only + " alone", ""});
    }
  }
  return task;
}

tl::expected<core::Token, HttpResponse> Service::authorize(const HttpRequest& request) {
  const auto bearer = read_bearer(request);
  const bool has_form = bearer && core::kTokenForm.matches(*bearer);
  const auto token = has_form ? store_.find_token(core::hash_credential(*bearer))
                              : Result<std::optional<core::Token>>();
  if (!token) {
    return tl::unexpected(problem(token.error()));
  }
  if (!*token || !(*token)->is_live(core::system_time())) {
    return tl::unexpected(
        problem(401, {ErrorCode::forbidden, "this needs a token that is known and alive",
                      "send it as Authorization: Bearer"}));
  }
  if ((*token)->role == core::Role::auditor) {
    return tl::unexpected(
        problem({ErrorCode::forbidden, "an auditor's token only reads", "use a verifier's"}));
  }
  return **token;
}

HttpResponse Service::report(const HttpRequest& request) {
  const auto token = authorize(request);
  if (!token) {
    return token.error();
  }
  if (token->workspace) {
    return problem({ErrorCode::forbidden, "a token for one workspace can't report answers", ""});
  }
  const auto answers = read_answers(request.body);
  if (!answers) {
    return problem(answers.error());
  }
  const auto reported = store_.report(*answers);
  return reported ? HttpResponse{.status = 204} : problem(reported.error());
}

HttpResponse Service::revoke_self(const HttpRequest& request) {
  const auto bearer = read_bearer(request);
  if (!bearer || !core::is_api_key(*bearer)) {
    return problem(401, {ErrorCode::forbidden, "this needs the key that is to be revoked",
                         "send it as Authorization: Bearer"});
  }
  const core::KeyFilter filter{.hash = core::hash_api_key(*bearer)};
  std::optional<core::KeyId> id;
  const auto found =
      store_.list(filter, {.limit = 1}, core::system_time(), [&](const core::Key& key) {
        id = key.id;
        return false;
      });
  if (!found) {
    return problem(found.error());
  }
  if (!id) {
    return problem(401, {ErrorCode::forbidden, "the key is not known", ""});
  }
  const auto revoked =
      store_.revoke(std::span(&*id, 1), "revoked by its holder", core::system_time());
  if (!revoked) {
    return problem(revoked.error());
  }
  return json_response([&](core::JsonWriter& json) {
    json.begin_object().name("key");
    core::write_key(json, revoked->front(), core::system_time());
    json.end_object();
  });
}

HttpResponse Service::ready() {
  const core::Request nobody;  // without a key: nothing is counted
  const auto asked = store_.verify({&nobody, 1}, {.counting = store::Counting::dry_run});
  return asked ? fine() : problem(asked.error());
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

void Service::write_log(const HttpRequest& request, const Task& task) const {
  if (!log_) {
    return;
  }
  // Of a gateway's request it matters what it asks about.
  const core::Request* const asked =
      task.gateway && !task.asked.empty() ? &task.asked.front() : nullptr;
  const std::string& target = asked == nullptr ? request.target : asked->path;
  log_({.at = core::system_time(),
        .peer = request.peer.to_string(),
        .method = asked == nullptr ? request.method : asked->method,
        .path = core::mask_credentials(target.substr(0, target.find('?'))),
        .status = task.response->status,
        .detail = task.response->detail,
        .key_id = task.key_id,
        .client_ip = task.client_ip});
}

}  // namespace nexakey::server
