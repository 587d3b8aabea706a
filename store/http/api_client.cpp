#include "store/http/api_client.h"

#include <algorithm>
#include <thread>

#include "core/text.h"

namespace nexakey::store::http {
namespace {

using core::Error;
using core::ErrorCode;
using core::Json;
using core::Result;
using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr int kMaxAttempts = 4;
constexpr milliseconds kFirstPause{100};

bool is_json(std::string_view content_type) {
  return is_of_type(content_type, kJson) || is_of_type(content_type, "application/problem+json");
}

/// Whether the server, or a gateway in front of it, cannot answer at the moment.
bool is_temporary(int status) { return status == 502 || status == 503 || status == 504; }

/// Whether the API has this HTTP status for this error. In particular, something is not found only
/// if both say so.
bool agrees(int status, ErrorCode code) {
  switch (code) {
    case ErrorCode::not_found:
      return status == 404;
    case ErrorCode::conflict:
    case ErrorCode::confirmation_required:
      return status == 409;
    case ErrorCode::store_unavailable:
    case ErrorCode::outcome_unknown:
      return status == 503;
    case ErrorCode::forbidden:
      return status == 401 || status == 403;
    case ErrorCode::usage:
    case ErrorCode::ambiguous:
      return status >= 400 && status < 500 && status != 404;
    case ErrorCode::failed:
      break;
  }
  return status >= 500;
}

/// The error document of the API in a reply, if it has one.
std::optional<Error> read_problem(const Reply& reply) {
  if (!is_json(reply.content_type)) {
    return std::nullopt;
  }
  const auto json = core::parse_json(reply.body);
  return json ? core::read_error(*json) : std::nullopt;
}

/// Whether nexakey itself says that it could not do what was requested.
bool is_refused(const Reply& reply) {
  const auto problem = read_problem(reply);
  return problem && problem->code == ErrorCode::store_unavailable;
}

/// The error of a call whose outcome is not known: for a change, it says so and what to do.
Error with_remedy(Error error, const Call& call) {
  if (!call.remedy.empty()) {
    error.code = ErrorCode::outcome_unknown;
    error.message += "; it is not known whether the change was made";
    error.hint = call.remedy;
  }
  return error;
}

}  // namespace

Result<ApiClient> ApiClient::open(Url url, const RemoteAccess& access) {
  if (!access.token) {
    return core::reject(url.text + " needs a token", "name its file with --token-file");
  }
  return access.token().and_then([&](const core::Secret& token) {
    return Transport::open(std::move(url), token, access.ca_file).map([&](Transport transport) {
      return ApiClient(std::move(transport), access);
    });
  });
}

ApiClient::ApiClient(Transport transport, const RemoteAccess& access)
    : transport_(std::move(transport)),
      name_(transport_.url().text + access.store_origin),
      token_(access.token_name),
      read_id_token_(access.is_id_token ? access.token : nullptr),
      timeout_(access.timeout) {}

milliseconds ApiClient::pause_before(int attempt) {
  const milliseconds max = kFirstPause * (1 << (attempt - 1));
  std::uniform_int_distribution<std::int64_t> part(max.count() / 2, max.count());
  return milliseconds(part(jitter_));
}

Result<Json> ApiClient::ask(const Call& call) {
  const auto reply = exchange(call, nullptr);
  if (!reply) {
    return tl::unexpected(failure(call, reply.error()));
  }
  return judge(call, *reply).map_error([&](const Error& error) {
    // An error that does not tell what became of an earlier attempt.
    const bool is_about_change = error.code == ErrorCode::conflict ||
                                 error.code == ErrorCode::not_found ||
                                 error.code == ErrorCode::usage;
    const bool is_settled =
        !reply->is_repeated || is_about_change || error.code == ErrorCode::outcome_unknown;
    return is_settled ? error : with_remedy(error, call);
  });
}

Result<void> ApiClient::fetch(const Call& call, const Sink& sink) {
  const auto reply = exchange(call, &sink);
  if (!reply) {
    return tl::unexpected(failure(call, reply.error()));
  }
  if (reply->status == kOk && is_of_type(reply->content_type, call.message.type)) {
    return {};
  }
  return judge(call, *reply).and_then([&](const Json& /*json*/) -> Result<void> {
    return tl::unexpected(nonsense("it has another media type than requested", call));
  });
}

Result<Introduction> ApiClient::introduce() {
  const Call call{.message = {.method = "GET", .target = "/healthz"}};
  transport_.keep_certificates();
  const auto reply = exchange(call, nullptr);
  return reply ? Result<Introduction>({reply->date, transport_.certificate()})
               : tl::unexpected(failure(call, reply.error()));
}

/// Sends a request, with a newer ID token if the server refuses the one that was read earlier.
tl::expected<Reply, NoReply> ApiClient::exchange(const Call& call, const Sink* sink) {
  const auto end = Clock::now() + timeout_ + call.work;
  auto reply = send(call, sink, end);
  if (!reply || reply->status != 401 || !read_id_token_) {
    return reply;
  }
  const auto token = read_id_token_();
  renewal_problem_ = token ? "" : token.error().message;
  if (!token || !transport_.set_token(*token) || Clock::now() >= end) {
    return reply;
  }
  auto second = send(call, sink, end);
  if (second) {
    second->is_repeated |= reply->is_repeated;
  } else {
    second.error().was_sent |= reply->is_repeated;
  }
  return second;
}

/// Sends a request, again if it is safe, until there is a reply that may be final or no time left.
tl::expected<Reply, NoReply> ApiClient::send(const Call& call, const Sink* sink,
                                             Clock::time_point end) {
  bool was_sent = false;  // an earlier attempt, whose outcome is not known
  for (int attempt = 1;; ++attempt) {
    const auto left = std::chrono::duration_cast<milliseconds>(end - Clock::now());
    auto reply = transport_.exchange(call.message, std::max(left, milliseconds(1)), sink);
    const bool is_safe = call.repeat == Repeat::safe || (!reply && !reply.error().was_sent);
    const bool is_temporary_failure =
        reply ? is_temporary(reply->status) : reply.error().is_temporary;
    const milliseconds pause =
        std::max(pause_before(attempt),
                 reply ? reply->retry_after.value_or(milliseconds(0)) : milliseconds(0));
    if (!is_safe || !is_temporary_failure || attempt == kMaxAttempts ||
        Clock::now() + pause >= end) {
      if (reply) {
        reply->is_repeated = was_sent;
      } else {
        reply.error().was_sent |= was_sent;
      }
      return reply;
    }
    was_sent |= reply ? !is_refused(*reply) : reply.error().was_sent;
    std::this_thread::sleep_for(pause);
  }
}

Result<Json> ApiClient::judge(const Call& call, const Reply& reply) const {
  constexpr int kNoContent = 204;
  if (reply.status == kNoContent) {
    return Json();
  }
  if (reply.status == kOk && is_json(reply.content_type)) {
    return core::parse_json(reply.body).map_error([&](const Error& error) {
      return nonsense(error.message, call);
    });
  }
  if (reply.status == 401 || reply.status == 403) {
    return tl::unexpected(refusal(reply));
  }
  auto problem = read_problem(reply);
  const bool is_missing = problem && problem->code == ErrorCode::not_found;
  if (!problem || !agrees(reply.status, problem->code) || (is_missing && !call.may_miss)) {
    return tl::unexpected(failure(call, reply));
  }
  // This client sends no parameters and members but those of its own version.
  const bool is_older = problem->code == ErrorCode::usage &&
                        (problem->message.starts_with("unknown parameter") ||
                         problem->message.starts_with("a request has no member"));
  if (is_older || problem->code == ErrorCode::store_unavailable ||
      problem->code == ErrorCode::outcome_unknown || problem->code == ErrorCode::failed) {
    problem->message = name_ + ": " + problem->message;
  }
  if (is_older) {
    problem->hint = "check that its nexakey is not older than this one";
  }
  return tl::unexpected(*std::move(problem));
}

Error ApiClient::refusal(const Reply& reply) const {
  const auto said = read_problem(reply);
  if (!said || said->code != ErrorCode::forbidden) {
    return {ErrorCode::forbidden,
            name_ + " refused " + token_ + " with " + std::to_string(reply.status) +
                ", but not in the form of nexakey",
            "check whether a proxy is in front of it"};
  }
  if (reply.status == 401 && read_id_token_) {
    return {ErrorCode::forbidden,
            name_ + " refused " + token_ + ": " + said->message +
                (renewal_problem_.empty() ? "" : "; it could not be renewed: " + renewal_problem_),
            said->hint};
  }
  if (reply.status == 401) {
    return {ErrorCode::forbidden, name_ + " refused " + token_,
            "check that it is active and made for this store"};
  }
  return {ErrorCode::forbidden, name_ + " refused this to " + token_ + ": " + said->message,
          said->hint};
}

Error ApiClient::failure(const Call& call, const Reply& reply) const {
  const auto error = [&](const std::string& what, std::string hint) {
    return with_remedy({ErrorCode::store_unavailable, name_ + " " + what, std::move(hint)}, call);
  };
  if (reply.status >= 300 && reply.status < 400) {
    return error("redirects to another address", "use that address if you trust it");
  }
  if (reply.status >= 500) {
    return error("answered with status " + std::to_string(reply.status),
                 "check that nexakey serve is running there");
  }
  if (reply.status == 404 && read_problem(reply)) {
    return error("does not know " + call.message.method + " " +
                     call.message.target.substr(0, call.message.target.find('?')),
                 "check that its nexakey is not older than this one");
  }
  return error("is not a nexakey server: it answered with status " + std::to_string(reply.status) +
                   (is_json(reply.content_type) ? "" : " and " + core::quote(reply.content_type)),
               "check the address");
}

Error ApiClient::failure(const Call& call, const NoReply& reply) const {
  Error error{ErrorCode::store_unavailable, name_ + " " + reply.reason, reply.hint};
  return reply.was_sent ? with_remedy(std::move(error), call) : error;
}

Error ApiClient::nonsense(const std::string& what, const Call& call) const {
  return with_remedy(
      {ErrorCode::store_unavailable, name_ + " sent an invalid response: " + what, ""}, call);
}

}  // namespace nexakey::store::http
