#include "server/responses.h"

#include "core/json.h"

namespace nexakey::server {
namespace {

/// Seconds (RFC 9110, 10.2.3).
constexpr const char* kRetryAfter = "5";
constexpr const char* kChallenge = "Bearer realm=\"nexakey\"";

bool is_store_error(core::ErrorCode code) {
  return code == core::ErrorCode::store_unavailable || code == core::ErrorCode::outcome_unknown;
}

/// A problem document with 503, whose reason only the log has.
HttpResponse problem_in_log(const char* message, const core::Error& reason) {
  HttpResponse response = problem({core::ErrorCode::store_unavailable, message,
                                   "try again later; the log of the server has the reason"});
  response.detail = reason.message;
  return response;
}

}  // namespace

int status_of(core::ErrorCode code) {
  using core::ErrorCode;
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
    case ErrorCode::outcome_unknown:
      return 503;
    case ErrorCode::failed:
      break;
  }
  return 500;
}

HttpResponse empty_json_response() {
  HttpResponse response;
  response.headers.emplace_back("Content-Type", "application/json");
  response.headers.emplace_back("Cache-Control", "no-store");
  return response;
}

HttpResponse problem(int status, const core::Error& error) {
  HttpResponse response;
  response.status = status;
  response.detail = error.message;
  response.is_store_error = is_store_error(error.code);
  response.headers.emplace_back("Content-Type", "application/problem+json");
  response.headers.emplace_back("Cache-Control", "no-store");
  if (status == 401) {
    response.headers.emplace_back("WWW-Authenticate", kChallenge);
  }
  if (status == 503) {
    response.headers.emplace_back("Retry-After", kRetryAfter);
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

HttpResponse store_problem(const core::Error& error) {
  return problem_in_log("the store does not answer", error);
}

HttpResponse identity_problem(const core::Error& error) {
  HttpResponse response = problem_in_log("the ID token cannot be verified now", error);
  response.is_store_error = is_store_error(error.code);
  return response;
}

}  // namespace nexakey::server
