#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "core/time.h"
#include "store/http/api_client.h"
#include "store/http/http_store.h"

namespace nexakey::store::http {
namespace {

using core::Result;
using SystemTime = std::chrono::system_clock::time_point;

void check_certificate(const Introduction& introduction, SystemTime now,
                       const FindingVisitor& visit) {
  constexpr std::chrono::days kSoon{14};
  if (!introduction.certificate || !introduction.certificate->expires_at) {
    return;
  }
  const core::Time end = *introduction.certificate->expires_at;
  const auto left = std::chrono::floor<std::chrono::days>(end - now);
  const std::string days = std::to_string(left.count()) + (left.count() == 1 ? " day" : " days");
  const bool is_soon = left < kSoon;
  visit({.check = "certificate",
         .status = is_soon ? Health::warning : Health::ok,
         .found =
             "the server's certificate is valid for " + days + ", until " + core::format_time(end),
         .advice = is_soon ? "renew it on the server" : ""});
}

/// The server has read its clock, in whole seconds, between `before` and `after`.
void check_clock(const Introduction& introduction, SystemTime before, SystemTime after,
                 const FindingVisitor& visit) {
  constexpr std::chrono::seconds kMaxSkew{5};
  if (!introduction.clock) {
    return;
  }
  const auto ahead = std::chrono::ceil<std::chrono::seconds>(*introduction.clock - after);
  const auto behind = std::chrono::ceil<std::chrono::seconds>(before - *introduction.clock) -
                      std::chrono::seconds(1);
  const auto skew = std::max(ahead, behind);
  if (skew <= kMaxSkew) {
    visit({.check = "clock", .found = "agrees with the clock of the server"});
    return;
  }
  visit({.check = "clock",
         .status = Health::warning,
         .found = "the clock of the server is " + std::to_string(skew.count()) + " seconds " +
                  (ahead > behind ? "ahead" : "behind"),
         .advice = "set both by NTP: this clock dates new keys, that one ends them"});
}

Result<void> look_at_server(ApiClient client, const FindingVisitor& visit) {
  const SystemTime before = std::chrono::system_clock::now();
  return client.introduce().map([&](const Introduction& introduction) {
    const SystemTime after = std::chrono::system_clock::now();
    check_certificate(introduction, after, visit);
    check_clock(introduction, before, after, visit);
  });
}

}  // namespace

Result<void> check_store(std::string_view scheme, const std::string& rest,
                         const RemoteAccess& access, const FindingVisitor& visit) {
  return Url::parse(scheme, rest)
      .and_then([&](Url url) { return ApiClient::open(std::move(url), access); })
      .and_then([&](ApiClient client) { return look_at_server(std::move(client), visit); })
      .and_then([&] { return open_store(scheme, rest, access); })
      .and_then([](const std::unique_ptr<KeyStore>& store) { return store->workspaces(); })
      .map([&](const std::vector<std::string>& /*names*/) {
        visit({.check = "remote", .found = "the server answers and accepts the token"});
      });
}

}  // namespace nexakey::store::http
