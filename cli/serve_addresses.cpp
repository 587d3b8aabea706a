#include "cli/serve_addresses.h"

#include <algorithm>
#include <iterator>
#include <string>

#include "cli/exit_status.h"

namespace nexakey::cli {
namespace {

using server::ListenAddress;

constexpr const char* kDefaultAddress = "127.0.0.1:8080";
constexpr const char* kPassedSockets = "systemd";

/// An address, and what names it in a message.
struct Named {
  std::string source;
  ListenAddress address;

  [[nodiscard]] std::string to_string() const { return source + " " + address.to_string(); }
};

void check_reach(const ListenAddress& address, const ServeOptions& options) {
  if (!address.is_loopback() && !options.certificate && !options.insecure) {
    throw Failure{
        {core::ErrorCode::usage,
         "other machines can connect to " + address.to_string() +
             ", and the traffic is not encrypted",
         "pass --tls-cert and --tls-key, or --insecure if a proxy or the network encrypts"}};
  }
}

void check_overlap(const Named& one, const Named& other) {
  if (one.address.overlaps(other.address)) {
    throw Failure{{core::ErrorCode::usage,
                   one.to_string() + " and " + other.to_string() + " use the same address",
                   "choose another address for one of them"}};
  }
}

/// Without this check, the second socket for an address would fail as if another process used it,
/// and a server whose metrics address fails goes on without metrics.
void check_overlaps(const ServeAddresses& addresses) {
  std::vector<Named> all;
  for (const ListenAddress& address : addresses.listen) {
    all.push_back({"--listen", address});
  }
  if (addresses.metrics) {
    all.push_back({"--metrics-listen", *addresses.metrics});
  }
  if (addresses.access_log) {
    all.push_back({"--access-log", *addresses.access_log});
  }
  for (auto one = all.begin(); one != all.end(); ++one) {
    std::for_each(std::next(one), all.end(),
                  [&](const Named& other) { check_overlap(*one, other); });
  }
}

std::vector<ListenAddress> parse_listen(const ServeOptions& options, bool has_passed) {
  std::vector<ListenAddress> addresses;
  for (const std::string& text : options.listen) {
    if (text != kPassedSockets) {
      addresses.push_back(value_of(ListenAddress::parse(text)));
    } else if (!has_passed) {
      throw Failure{{core::ErrorCode::usage, "systemd has not passed any socket to this process",
                     "start its socket unit, or name an address to listen at"}};
    }
  }
  if (options.listen.empty() && !has_passed) {
    addresses.push_back(value_of(ListenAddress::parse(kDefaultAddress)));
  }
  for (const ListenAddress& address : addresses) {
    check_reach(address, options);
  }
  return addresses;
}

std::optional<ListenAddress> parse_metrics(const ServeOptions& options) {
  if (!options.metrics_listen) {
    return std::nullopt;
  }
  auto address = value_of(ListenAddress::parse(*options.metrics_listen));
  check_reach(address, options);
  return address;
}

std::optional<ListenAddress> parse_access_log(const ServeOptions& options) {
  if (!options.access_log) {
    return std::nullopt;
  }
  auto address = value_of(ListenAddress::parse(*options.access_log));
  if (address.address) {
    throw Failure{{core::ErrorCode::usage,
                   "--access-log " + address.to_string() + " is not a Unix socket",
                   "write unix:PATH"}};
  }
  return address;
}

}  // namespace

ServeAddresses parse_addresses(const ServeOptions& options, bool has_passed) {
  ServeAddresses addresses{.listen = parse_listen(options, has_passed),
                           .metrics = parse_metrics(options),
                           .access_log = parse_access_log(options)};
  check_overlaps(addresses);
  return addresses;
}

void check_passed(const ListenAddress& passed, const ServeAddresses& addresses,
                  const ServeOptions& options) {
  check_reach(passed, options);
  if (addresses.metrics) {
    check_overlap({"the socket of systemd", passed}, {"--metrics-listen", *addresses.metrics});
  }
}

}  // namespace nexakey::cli
