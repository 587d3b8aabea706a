#include "server/decisions.h"

#include <utility>
#include <variant>

#include "server/question.h"
#include "server/responses.h"
#include "server/routes.h"

namespace nexakey::server {
namespace {

using core::Result;

using Responses = std::vector<core::UpstreamResponse>;

/// A request that is answered already, has a question to the store, or reports upstream responses.
using Task = std::variant<HttpResponse, Question, Responses>;

Task start(const HttpRequest& request, const std::optional<std::string>& served) {
  const auto* const inlined = std::get_if<Inline>(&request.resolved.route->handler);
  if (inlined != nullptr && *inlined == Inline::record_responses) {
    auto responses = read_responses(request, served);
    return responses ? Task(*std::move(responses)) : problem(responses.error());
  }
  auto question = read_question(request, served);
  return question ? Task(*std::move(question)) : problem(question.error());
}

Result<Decided> verify(store::KeyStore& store, std::span<const core::Request> requests,
                       const store::VerifyOptions& options) {
  using std::chrono::steady_clock;
  const auto began = steady_clock::now();
  auto verifications = store.verify(requests, options);
  if (!verifications) {
    return tl::unexpected(std::move(verifications.error()));
  }
  return Decided{
      .verifications = *std::move(verifications),
      .time = std::chrono::duration_cast<std::chrono::microseconds>(steady_clock::now() - began)};
}

/// Decides all common questions with one call.
Result<Decided> decide_common(store::KeyStore& store, const std::vector<Task>& tasks) {
  std::vector<core::Request> requests;
  for (const Task& task : tasks) {
    const auto* const question = std::get_if<Question>(&task);
    if (question != nullptr && question->is_common()) {
      requests.insert(requests.end(), question->requests.begin(), question->requests.end());
    }
  }
  return requests.empty() ? Result<Decided>() : verify(store, requests, {});
}

/// Records all upstream responses with one call.
Result<void> record_all(store::KeyStore& store, const std::vector<Task>& tasks) {
  Responses all;
  for (const Task& task : tasks) {
    if (const auto* const responses = std::get_if<Responses>(&task)) {
      all.insert(all.end(), responses->begin(), responses->end());
    }
  }
  return all.empty() ? Result<void>() : store.record_responses(all);
}

/// Decides a question whose options differ from those of the batch.
HttpResponse decide_alone(store::KeyStore& store, const HttpRequest& request,
                          const Question& question, std::vector<Decided>& counted) {
  auto decided = verify(store, question.requests, question.options);
  if (!decided) {
    return refuse_question(request, decided.error());
  }
  HttpResponse response = answer_question(request, question, decided->verifications);
  if (question.options.counting == store::Counting::counted) {
    counted.push_back(*std::move(decided));
  }
  return response;
}

}  // namespace

Answers decide_batch(store::KeyStore& store, std::span<const HttpRequest* const> requests,
                     const std::optional<std::string>& served) {
  std::vector<Task> tasks;
  for (const HttpRequest* const request : requests) {
    tasks.push_back(start(*request, served));
  }
  const auto recorded = record_all(store, tasks);
  auto common = decide_common(store, tasks);
  std::size_t first = 0;  // of the verifications that have not been used
  Answers answers;
  const auto answer = [&](const HttpRequest& request, Task& task) -> HttpResponse {
    if (auto* const response = std::get_if<HttpResponse>(&task)) {
      return std::move(*response);
    }
    const auto* const question = std::get_if<Question>(&task);
    if (question == nullptr) {
      return recorded ? HttpResponse{.status = 204} : problem(recorded.error());
    }
    if (!question->is_common()) {
      return decide_alone(store, request, *question, answers.decided);
    }
    if (!common) {
      return refuse_question(request, common.error());
    }
    const auto own = std::span(common->verifications).subspan(first, question->requests.size());
    first += own.size();
    return answer_question(request, *question, own);
  };
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    answers.responses.push_back(answer(*requests[i], tasks[i]));
  }
  if (common && !common->verifications.empty()) {
    answers.decided.push_back(*std::move(common));
  }
  return answers;
}

Answers refuse_batch(std::span<const HttpRequest* const> requests, const core::Error& error) {
  Answers answers;
  for (const HttpRequest* const request : requests) {
    answers.responses.push_back(refuse_question(*request, error));
  }
  return answers;
}

}  // namespace nexakey::server
