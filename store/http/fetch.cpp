#include "store/fetch.h"

#include <algorithm>
#include <utility>

#include "core/text.h"
#include "store/http/transport.h"

namespace nexakey::store {
namespace {

using core::Result;

core::Error failed(std::string message, std::string hint = {}) {
  return {core::ErrorCode::failed, std::move(message), std::move(hint)};
}

/// A URL as the origin and the rest.
struct SplitUrl {
  http::Url origin;
  std::string target;
};

Result<SplitUrl> split_url(const std::string& url) {
  const std::size_t colon = url.find(':');
  const std::string scheme = url.substr(0, colon);
  if (colon == std::string::npos || (scheme != "https" && scheme != "http") ||
      url.find_first_of(" #\r\n") != std::string::npos) {
    return tl::unexpected(failed(core::quote(url) + " is not an https URL"));
  }
  const std::size_t path = std::min(url.find('/', colon + 3), url.size());
  auto origin = http::Url::parse(scheme, url.substr(colon + 1, path - colon - 1));
  if (!origin) {
    return tl::unexpected(
        failed(core::quote(url) + " is neither an https URL nor one of this machine"));
  }
  return SplitUrl{*std::move(origin), path < url.size() ? url.substr(path) : "/"};
}

}  // namespace

Result<std::string> fetch(const std::string& url, const core::Secret& token,
                          const std::string& ca_file, const FetchLimits& limits) {
  auto parts = split_url(url);
  if (!parts) {
    return tl::unexpected(std::move(parts.error()));
  }
  const std::string name = parts->origin.text;
  auto transport = http::Transport::open(std::move(parts->origin), token, ca_file);
  if (!transport) {
    return tl::unexpected(std::move(transport.error()));
  }
  auto reply = transport->exchange(
      {.method = "GET", .target = parts->target, .max_reply = limits.size}, limits.time);
  if (!reply) {
    return tl::unexpected(failed(name + " " + reply.error().reason));
  }
  if (reply->status != http::kOk) {
    return tl::unexpected(failed(name + " answers with status " + std::to_string(reply->status)));
  }
  return std::move(reply->body);
}

}  // namespace nexakey::store
