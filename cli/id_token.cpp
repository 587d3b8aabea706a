#include "cli/id_token.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "cli/secret_file.h"
#include "core/id_token.h"
#include "core/json.h"
#include "core/query.h"
#include "core/text.h"
#include "store/fetch.h"

namespace nexakey::cli {
namespace {

using core::Result;
using core::Secret;

constexpr const char* kFileVariable = "NEXAKEY_OIDC_TOKEN_FILE";
constexpr const char* kAudienceVariable = "NEXAKEY_OIDC_AUDIENCE";
constexpr const char* kUrlVariable = "ACTIONS_ID_TOKEN_REQUEST_URL";
constexpr const char* kTokenVariable = "ACTIONS_ID_TOKEN_REQUEST_TOKEN";
constexpr const char* kService = "the ID token service of GitHub Actions";

Result<Secret> check_form(const Secret& token, const std::string& where) {
  return core::looks_like_id_token(token.reveal())
             ? Result<Secret>(Secret(std::string(token.reveal())))
             : core::reject("no ID token in " + where,
                            "an ID token is a JWT: three parts with dots");
}

Result<Secret> read_file(const std::string& path) {
  return read_secret_file(path, "token").and_then([&](const Secret& token) {
    return check_form(token, core::quote(path));
  });
}

/// Asks the service of GitHub Actions, which answers with `{"value": TOKEN}`.
Result<Secret> ask_service(const std::string& url, const Secret& token,
                           const std::string& audience) {
  const std::string separator = url.find('?') == std::string::npos ? "?" : "&";
  auto answer =
      store::fetch(url + separator + "audience=" + core::percent_encode(audience), token, "");
  if (!answer) {
    return core::fail(core::ErrorCode::store_unavailable,
                      std::string(kService) + ": " + answer.error().message);
  }
  const Secret whole(*std::move(answer));
  const auto json = core::parse_json(whole.reveal());
  const std::string* const value = json ? core::find_text(*json, "value") : nullptr;
  if (value == nullptr) {
    return core::fail(core::ErrorCode::store_unavailable,
                      std::string(kService) + " gave no ID token");
  }
  return check_form(Secret(std::string(*value)), kService);
}

}  // namespace

std::optional<IdTokenSource> find_id_token(const Settings& settings) {
  if (const auto path = environment(kFileVariable)) {
    return IdTokenSource{.name = "the ID token of " + core::quote(*path),
                         .read = [path = *path] { return read_file(path); }};
  }
  const auto url = environment(kUrlVariable);
  if (!url || !environment(kTokenVariable)) {
    return std::nullopt;
  }
  const std::string audience = environment(kAudienceVariable).value_or(settings.store.value);
  return IdTokenSource{.name = "the ID token of GitHub Actions", .read = [url = *url, audience] {
                         const Secret token(environment(kTokenVariable).value_or(""));
                         return ask_service(url, token, audience);
                       }};
}

}  // namespace nexakey::cli
