#include "server/listen_address.h"

#include <doctest/doctest.h>

#include "tests/support/stores.h"

namespace nexakey::server {
namespace {

bool overlap(const char* one, const char* other) {
  const ListenAddress first = test::value_of(ListenAddress::parse(one));
  const ListenAddress second = test::value_of(ListenAddress::parse(other));
  CHECK(first.overlaps(second) == second.overlaps(first));
  return first.overlaps(second);
}

TEST_CASE("Listen addresses overlap if one socket leaves no room for the other") {
  CHECK(overlap("127.0.0.1:80", "127.0.0.1:80"));
  CHECK(overlap("0.0.0.0:80", "127.0.0.1:80"));
  CHECK(overlap("[::1]:80", "[0:0::1]:80"));
  CHECK(overlap("[::]:80", "[::1]:80"));
  CHECK(overlap("[::ffff:127.0.0.1]:80", "127.0.0.1:80"));
  CHECK(overlap("unix:/run/a", "unix:/run/a"));
  CHECK(overlap("unix:/run/a", "unix:/run/./b/../a"));
}

TEST_CASE("Other listen addresses do not overlap") {
  CHECK_FALSE(overlap("127.0.0.1:80", "127.0.0.1:81"));
  CHECK_FALSE(overlap("127.0.0.1:80", "127.0.0.2:80"));
  CHECK_FALSE(overlap("127.0.0.1:0", "127.0.0.1:0"));
  CHECK_FALSE(overlap("0.0.0.0:80", "0.0.0.0:81"));
  CHECK_FALSE(overlap("0.0.0.0:80", "[::1]:80"));
  // Whether these do is a setting of the system, net.ipv6.bindv6only.
  CHECK_FALSE(overlap("0.0.0.0:80", "[::]:80"));
  CHECK_FALSE(overlap("unix:/run/a", "unix:/run/b"));
  CHECK_FALSE(overlap("unix:/run/a", "127.0.0.1:80"));
}

}  // namespace
}  // namespace nexakey::server
