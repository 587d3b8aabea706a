#include "server/question.h"

#include <algorithm>
#include <utility>
#include <variant>

#include <nlohmann/json.hpp>

#include "core/json.h"
#include "core/json_arrays.h"
#include "core/query.h"
#include "server/responses.h"
#include "server/routes.h"

namespace nexakey::server {
namespace {

using core::Result;

const Gateway* gateway_of(const HttpRequest& request) {
  return std::get_if<Gateway>(&request.resolved.route->handler);
}

/// Sets the workspace of requests or upstream responses to `only`, if that is not empty. Error:
/// `forbidden`, if one of them names another workspace.
template <typename T>
Result<void> set_workspace(std::vector<T>& all, const std::optional<std::string>& only) {
  if (only) {
    for (T& one : all) {
      if (one.workspace.value_or(*only) != *only) {
        return core::fail(core::ErrorCode::forbidden,
                          "only the workspace " + *only + " can be asked about here");
      }
      one.workspace = only;
    }
  }
  return {};
}

Result<store::VerifyOptions> read_options(const RequestHead& head) {
  auto query = core::Query::parse(head.query());
  if (!query) {
    return tl::unexpected(std::move(query.error()));
  }
  const auto dry_run = core::take_flag(*query, "dry_run");
  if (!dry_run) {
    return tl::unexpected(dry_run.error());
  }
  const auto explain = core::take_flag(*query, "explain");
  if (!explain) {
    return tl::unexpected(explain.error());
  }
  if (const auto rest = query->check_taken(); !rest) {
    return tl::unexpected(rest.error());
  }
  return store::VerifyOptions{
      .counting = *dry_run ? store::Counting::dry_run : store::Counting::counted,
      .explain = *explain};
}

/// A verifier asks about the keys that it gets. Who may read everything may also name a key by its
/// id, if nothing is counted for it.
Result<void> check_questions(const Question& question, core::Role role) {
  for (const core::Request& request : question.requests) {
    auto allowed = check_role(role, request.key_id ? Permission::read : Permission::decide);
    if (allowed && request.key_id && question.options.counting != store::Counting::dry_run) {
      allowed = core::reject("key_id needs the parameter dry_run=true",
                             "a request that is counted needs the key or its hash");
    }
    if (!allowed) {
      return allowed;
    }
  }
  return {};
}

}  // namespace

std::size_t weight_of(const HttpRequest& request) {
  const auto braces = static_cast<std::size_t>(std::ranges::count(request.body, '{'));
  return std::clamp(std::max(braces, request.body.size() >> 10U), std::size_t{1}, kMaxWeight);
}

Result<Question> read_question(const HttpRequest& request,
                               const std::optional<std::string>& served) {
  Question question;
  if (const auto& asked = request.resolved.asked) {
    question.requests.push_back(*asked);
    question.requests.front().workspace = served;
    return question;
  }
  const auto workspace = workspace_of(*request.resolved.token, served);
  if (!workspace) {
    return tl::unexpected(workspace.error());
  }
  const auto options = read_options(request.head);
  if (!options) {
    return tl::unexpected(options.error());
  }
  auto document = core::parse_requests(request.body);
  if (!document) {
    return tl::unexpected(std::move(document.error()));
  }
  question = {.requests = std::move(document->requests),
              .options = *options,
              .is_array = document->is_array};
  if (auto allowed = check_questions(question, request.resolved.token->role).and_then([&] {
        return set_workspace(question.requests, *workspace);
      });
      !allowed) {
    return tl::unexpected(std::move(allowed.error()));
  }
  return question;
}

HttpResponse answer_question(const HttpRequest& request, const Question& question,
                             std::span<const store::Verification> verifications) {
  const Gateway* const gateway = gateway_of(request);
  HttpResponse response =
      gateway != nullptr
          ? answer_gateway(*gateway, verifications.front().decision)
          : json_response([&](core::JsonWriter& json) {
              if (question.is_array) {
                json.begin_array();
              }
              for (const store::Verification& verification : verifications) {
                core::write_decision(json, verification.decision, verification.checks);
              }
              if (question.is_array) {
                json.end_array();
              }
            });
  if (!verifications.empty()) {
    const core::Decision& decision = verifications.front().decision;
    response.detail = core::name_of(decision.reason);
    response.key_id = decision.key_id;
    response.client_ip = decision.client_ip;
  }
  return response;
}

HttpResponse refuse_question(const HttpRequest& request, const core::Error& error) {
  const Gateway* const gateway = gateway_of(request);
  HttpResponse response = gateway != nullptr ? deny_gateway(*gateway, 503) : problem(error);
  response.detail = error.message;
  response.is_store_error = gateway != nullptr || response.is_store_error;
  return response;
}

Result<std::vector<core::UpstreamResponse>> read_responses(
    const HttpRequest& request, const std::optional<std::string>& served) {
  const auto workspace = workspace_of(*request.resolved.token, served);
  if (!workspace) {
    return tl::unexpected(workspace.error());
  }
  auto responses = core::parse_upstream_responses(request.body);
  if (!responses) {
    return responses;
  }
  return set_workspace(*responses, *workspace).map([&] { return *std::move(responses); });
}

}  // namespace nexakey::server
