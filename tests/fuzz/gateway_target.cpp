#include <array>
#include <string>

#include "server/access_line.h"
#include "server/gateway.h"
#include "server/limits.h"
#include "server/request_reader.h"
#include "server/resolved.h"
#include "server/routes.h"
#include "tests/fuzz/target.h"

namespace {

using namespace nexakey;

/// A request that a gateway asks about has all parts that a decision needs, or is denied.
void check_request(const server::RequestHead& head, const server::TrustedProxies& proxies) {
  const server::Resolved resolved = server::resolve(head, proxies);
  if (const auto& asked = resolved.asked) {
    fuzz::expect(proxies.trusts(head.peer), "only a trusted proxy may ask");
    fuzz::expect(!asked->method.empty() && !asked->path.empty(), "a request is whole");
  }
  fuzz::expect(resolved.route != nullptr, "a request has a route");
  (void)server::read_bearer(head);
}

}  // namespace

/// The input from gateways: complete requests with X-Forwarded-For and other headers, and lines of
/// an access log.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  (void)server::read_access_line(text);

  static const server::Limits limits;
  const server::TrustedProxies proxies{
      .addresses = core::Whitelist::parse({"192.0.2.0/24"}).value(), .unix_socket = true};
  server::RequestReader reader(limits.header_bytes);
  std::string bytes(text);
  for (int requests = 0; requests < 100; ++requests) {
    auto read = reader.read_head(bytes);
    if (!read || !*read) {
      return 0;
    }
    reader.begin_body(limits.body_bytes, server::BodyUse::keep);
    const auto is_whole = reader.read_body(bytes);
    if (!is_whole || !*is_whole) {
      return 0;
    }
    server::RequestHead& head = (*read)->head;
    fuzz::expect(reader.take_body().size() <= limits.body_bytes, "a body is bounded");
    for (const auto& peer : {std::optional<core::IpAddress>(), core::IpAddress::parse("192.0.2.7"),
                             core::IpAddress::parse("198.51.100.7")}) {
      head.peer.address = peer;
      check_request(head, proxies);
    }
  }
  return 0;
}
