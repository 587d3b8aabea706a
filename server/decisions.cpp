#include "server/decisions.h"

#include <utility>
#include <variant>

#include "server/question.h"
#include "server/responses.h"
#include "server/routes.h"

namespace nexakey::server {
namespace {

using core::Result;

/// A request that is answered already, or has a question to the store.
struct Task {
  std::optional<HttpResponse> response{};
  Question question{};

  [[nodiscard]] bool is_common() const { return !response && question.is_common(); }
};

Task start(store::KeyStore& store, const HttpRequest& request,
           const std::optional<std::string>& served) {
  const auto* const inlined = std::get_if<Inline>(&request.resolved.route->handler);
  if (inlined != nullptr && *inlined == Inline::record_responses) {
    return {.response = record_responses(store, request, served)};
  }
  auto question = read_question(request, served);
  if (!question) {
    return {.response = problem(question.error())};
  }
  return {.question = *std::move(question)};
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

/// Decides a question whose options differ from those of the batch.
HttpResponse decide_alone(store::KeyStore& store, const HttpRequest& request,
                          const Question& question, Answers& answers) {
  auto decided = verify(store, question.requests, question.options);
  if (!decided) {
    return refuse_question(request, decided.error());
  }
  HttpResponse response = answer_question(request, question, decided->verifications);
  if (question.options.counting == store::Counting::counted) {
    answers.decided.push_back(*std::move(decided));
  }
  return response;
}

}  // namespace

Answers decide_batch(store::KeyStore& store, std::span<const HttpRequest* const> requests,
                     const std::optional<std::string>& served) {
  std::vector<Task> tasks;
  std::vector<core::Request> asked;
  for (const HttpRequest* const request : requests) {
    const Task& task = tasks.emplace_back(start(store, *request, served));
    if (task.is_common()) {
      asked.insert(asked.end(), task.question.requests.begin(), task.question.requests.end());
    }
  }
  auto common = asked.empty() ? Result<Decided>() : verify(store, asked, {});
  std::size_t first = 0;
  Answers answers;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    auto& [response, question] = tasks[i];
    if (tasks[i].is_common() && common) {
      const auto own = std::span(common->verifications).subspan(first, question.requests.size());
      first += own.size();
      response = answer_question(*requests[i], question, own);
    } else if (tasks[i].is_common()) {
      response = refuse_question(*requests[i], common.error());
    } else if (!response) {
      response = decide_alone(store, *requests[i], question, answers);
    }
    answers.responses.push_back(*std::move(response));
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
