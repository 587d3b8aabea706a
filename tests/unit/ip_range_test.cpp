#include "core/ip_range.h"

#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "tests/unit/support.h"

namespace nexakey::core {
namespace {

using test::ip;
using test::whitelist;

std::vector<std::string> numbered_addresses(int count) {
  std::vector<std::string> entries;
  for (int i = 0; i < count; ++i) {
    entries.push_back("10.0." + std::to_string(i / 256) + "." + std::to_string(i % 256));
  }
  return entries;
}

TEST_CASE("An address is written in its canonical form") {
  struct Row {
    std::string_view text;
    std::string_view canonical;
    bool v4;
  };
  for (const Row& row :
       {Row{"0.0.0.0", "0.0.0.0", true}, Row{"255.255.255.255", "255.255.255.255", true},
        Row{"198.51.100.7", "198.51.100.7", true}, Row{"::", "::", false}, Row{"::1", "::1", false},
        Row{"0:0:0:0:0:0:0:1", "::1", false}, Row{"2001:DB8::1", "2001:db8::1", false},
        Row{"2001:0db8:0000:0000:0001:0000:0000:0001", "2001:db8::1:0:0:1", false},
        Row{"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1", false},
        Row{"2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1", false},
        Row{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            false},
        Row{"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255",
            "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false},
        Row{"64:ff9b::192.0.2.1", "64:ff9b::c000:201", false},
        Row{"::ffff:192.0.2.1", "192.0.2.1", true}, Row{"::FFFF:c000:201", "192.0.2.1", true},
        Row{"0:0:0:0:0:ffff:192.0.2.1", "192.0.2.1", true},
        Row{"::ffff:0:192.0.2.1", "::ffff:0:c000:201", false}}) {
    CAPTURE(row.text);
    const auto address = IpAddress::parse(row.text);
    REQUIRE(address.has_value());
    CHECK(address->to_string() == row.canonical);
    CHECK(address->is_v4() == row.v4);
    CHECK(IpAddress::parse(row.canonical) == address);
  }
}

TEST_CASE("Only the strict form of an address is accepted") {
  for (const std::string& text : std::vector<std::string>{"",
                                                          " ",
                                                          ".",
                                                          "...",
                                                          ":",
                                                          ":::",
                                                          "010.0.0.1",
                                                          "10.0.0.01",
                                                          "00.0.0.0",
                                                          "1",
                                                          "1.2",
                                                          "1.2.3",
                                                          "1.2.3.",
                                                          ".1.2.3.4",
                                                          "1.2.3.4.",
                                                          "1..3.4",
                                                          "1.2.3.4.5",
                                                          "0x7f.1",
                                                          "0x7f.0.0.1",
                                                          "127.1",
                                                          "2130706433",
                                                          "256.1.1.1",
                                                          "1.2.3.256",
                                                          "1.2.3.1000",
                                                          "-1.2.3.4",
                                                          "+1.2.3.4",
                                                          " 1.2.3.4",
                                                          "1.2.3.4 ",
                                                          "1.2.3.4\n",
                                                          "1.2.3.4\t",
                                                          "1.2.3. 4",
                                                          "1.2.3.4:80",
                                                          "1.2.3.4/32",
                                                          "1,2,3,4",
                                                          "a.b.c.d",
                                                          "fe80::1%eth0",
                                                          "fe80::1%",
                                                          "[::1]",
                                                          "[::1]:80",
                                                          "::1 ",
                                                          " ::1",
                                                          "::1::",
                                                          "1::2::3",
                                                          "1:2:3:4:5:6:7",
                                                          "1:2:3:4:5:6:7:",
                                                          ":1:2:3:4:5:6:7",
                                                          "1:2:3:4:5:6:7:8:9",
                                                          "12345::",
                                                          "::12345",
                                                          "::00001",
                                                          "g::",
                                                          "::1.2.3",
                                                          "::010.0.0.1",
                                                          "::ffff:010.0.0.1",
                                                          "::ffff:256.0.0.1",
                                                          "::1.2.3.4:5",
                                                          "localhost",
                                                          "unknown",
                                                          "-",
                                                          "\xEF\xBC\x91.2.3.4",
                                                          std::string("1.2.3.4\0", 8),
                                                          std::string("1.2.3.4\0.5", 10),
                                                          std::string("::1\0", 4),
                                                          std::string("\0", 1),
                                                          std::string(10'000, '1'),
                                                          std::string(10'000, ':'),
                                                          "1.2.3.4" + std::string(10'000, ' ')}) {
    CAPTURE(text.substr(0, 60));
    CHECK_FALSE(IpAddress::parse(text).has_value());
  }
}

TEST_CASE("Every address is read back as it was written") {
  std::mt19937_64 random(20260201);
  for (int i = 0; i < 20'000; ++i) {
    std::array<std::uint8_t, 16> bytes{};
    for (std::uint8_t& byte : bytes) {
      // Many zeros, which are abbreviated.
      byte = test::below(random, 3) == 0 ? static_cast<std::uint8_t>(random()) : std::uint8_t{0};
    }
    if (i % 4 == 0) {
      std::fill(bytes.begin(), bytes.begin() + 10, std::uint8_t{0});
      bytes[10] = bytes[11] = 0xFF;
    }
    const IpAddress address = IpAddress::from_bytes(bytes);
    const std::string text = address.to_string();
    CAPTURE(text);
    REQUIRE(IpAddress::parse(text) == address);
    REQUIRE(address.bytes() == bytes);
  }
}

TEST_CASE("A range is written in its canonical form") {
  struct Row {
    std::string_view text;
    std::string_view canonical;
  };
  for (const Row& row :
       {Row{"198.51.100.7", "198.51.100.7"}, Row{"198.51.100.7/32", "198.51.100.7"},
        Row{"203.0.113.0/24", "203.0.113.0/24"}, Row{"0.0.0.0/0", "0.0.0.0/0"},
        Row{"128.0.0.0/1", "128.0.0.0/1"}, Row{"10.0.0.2/31", "10.0.0.2/31"}, Row{"::/0", "::/0"},
        Row{"::1/128", "::1"}, Row{"2001:DB8::/32", "2001:db8::/32"}, Row{"8000::/1", "8000::/1"},
        Row{"::2/127", "::2/127"}, Row{"::ffff:192.0.2.1", "192.0.2.1"},
        Row{"::ffff:192.0.2.1/128", "192.0.2.1"}, Row{"::ffff:192.0.2.0/120", "192.0.2.0/24"},
        Row{"::ffff:0.0.0.0/97", "0.0.0.0/1"}, Row{"::ffff:0:0/96", "0.0.0.0/0"},
        Row{"::fffe:0:0/95", "::fffe:0:0/95"}}) {
    CAPTURE(row.text);
    const auto range = IpRange::parse(row.text);
    REQUIRE(range.has_value());
    CHECK(range->to_string() == row.canonical);
    CHECK(test::value_of(IpRange::parse(row.canonical)) == *range);
  }
}

TEST_CASE("An invalid range is a usage error that quotes it safely") {
  for (const std::string& text : std::vector<std::string>{"",
                                                          "/",
                                                          "/24",
                                                          "/0",
                                                          "1.2.3.4/",
                                                          "1.2.3.4/033",
                                                          "1.2.3.4/00",
                                                          "1.2.3.4/33",
                                                          "1.2.3.4/-1",
                                                          "1.2.3.4/+24",
                                                          "1.2.3.4/ 24",
                                                          "1.2.3.4/24 ",
                                                          "1.2.3.4 /24",
                                                          "1.2.3.4/2 4",
                                                          "1.2.3.4/24/24",
                                                          "1.2.3.4//24",
                                                          "1.2.3.4/0x18",
                                                          "1.2.3.4/24.0",
                                                          "1.2.3.0/255.255.255.0",
                                                          "1.2.3.4/4294967328",
                                                          "1.2.3.4/99999999999999999999",
                                                          "::/129",
                                                          "::/-0",
                                                          "::/",
                                                          "::/0128",
                                                          "::ffff:1.2.3.4/129",
                                                          "010.0.0.1",
                                                          "010.0.0.0/8",
                                                          "1.2.3",
                                                          "1.2.3.4.5",
                                                          "10/8",
                                                          "10.0/16",
                                                          "0x7f.1",
                                                          "256.1.1.1",
                                                          "fe80::1%eth0",
                                                          "fe80::%eth0/64",
                                                          "*",
                                                          "any",
                                                          "all",
                                                          " 10.0.0.0/8",
                                                          "10.0.0.0/8\n",
                                                          "10.0.0.0-10.0.0.9",
                                                          std::string("10.0.0.0/8\0", 11),
                                                          std::string("10.0.0.0\0/8", 11),
                                                          "10.0.0.0/\x1B[2J",
                                                          std::string(10'000, '1'),
                                                          "1.2.3.4/" + std::string(10'000, '0'),
                                                          "::/" + std::string(10'000, '1')}) {
    CAPTURE(text.substr(0, 60));
    const auto range = IpRange::parse(text);
    REQUIRE_FALSE(range.has_value());
    CHECK(range.error().code == ErrorCode::usage);
    CHECK(range.error().message.size() < 400);
    CHECK(range.error().message.find_first_of(std::string("\x1B\0\n", 3)) == std::string::npos);
  }
}

TEST_CASE("Bits after the prefix are an error that names the range without them") {
  struct Row {
    std::string_view text;
    std::string_view hint;
  };
  for (const Row& row :
       {Row{"10.0.0.1/8", "the range is 10.0.0.0/8"},
        Row{"10.0.0.1/31", "the range is 10.0.0.0/31"}, Row{"1.2.3.4/0", "the range is 0.0.0.0/0"},
        Row{"255.255.255.255/1", "the range is 128.0.0.0/1"},
        Row{"2001:db8::1/32", "the range is 2001:db8::/32"}, Row{"::1/0", "the range is ::/0"},
        Row{"::3/127", "the range is ::2/127"}, Row{"::ffff:1.2.3.4/97", "the range is 0.0.0.0/1"},
        Row{"::ffff:1.2.3.4/96", "the range is 0.0.0.0/0"},
        Row{"::ffff:1.2.3.4/24", "the range is ::/24"}}) {
    CAPTURE(row.text);
    const auto range = IpRange::parse(row.text);
    REQUIRE_FALSE(range.has_value());
    CHECK(range.error().code == ErrorCode::usage);
    CHECK(range.error().message ==
          "\"" + std::string(row.text) + "\" has bits set after its prefix");
    CHECK(range.error().hint == row.hint);
  }
}

TEST_CASE("A range contains the addresses that begin with its prefix and no others") {
  struct Row {
    std::string_view range;
    std::string_view address;
    bool contains;
  };
  for (const Row& row :
       {Row{"10.0.0.0/8", "10.0.0.0", true}, Row{"10.0.0.0/8", "10.255.255.255", true},
        Row{"10.0.0.0/8", "9.255.255.255", false}, Row{"10.0.0.0/8", "11.0.0.0", false},
        Row{"10.0.0.0/31", "10.0.0.1", true}, Row{"10.0.0.0/31", "10.0.0.2", false},
        Row{"10.0.0.0/9", "10.127.255.255", true}, Row{"10.0.0.0/9", "10.128.0.0", false},
        Row{"198.51.100.7", "198.51.100.7", true}, Row{"198.51.100.7", "198.51.100.6", false},
        Row{"0.0.0.0/0", "255.255.255.255", true}, Row{"2001:db8::/32", "2001:db8::1", true},
        Row{"2001:db8::/32", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", true},
        Row{"2001:db8::/32", "2001:db9::", false}, Row{"2001:db8::/33", "2001:db8:8000::", false},
        Row{"::/0", "ffff::", true},
        // IPv4-mapped addresses are IPv4, on both sides.
        Row{"192.0.2.1", "::ffff:192.0.2.1", true}, Row{"::ffff:192.0.2.1", "192.0.2.1", true},
        Row{"192.0.2.0/24", "::ffff:c000:2ff", true},
        Row{"::ffff:192.0.2.0/120", "192.0.2.9", true},
        Row{"::ffff:192.0.2.0/120", "192.0.3.9", false}, Row{"::ffff:0:0/96", "8.8.8.8", true},
        // IPv4 and IPv6 are distinct.
        Row{"::/0", "192.0.2.1", false}, Row{"::/0", "::ffff:192.0.2.1", false},
        Row{"::/80", "192.0.2.1", false}, Row{"::fffe:0:0/95", "192.0.2.1", false},
        Row{"::fffe:0:0/95", "::fffe:1:2", true}, Row{"0.0.0.0/0", "::", false},
        Row{"0.0.0.0/0", "::1", false}, Row{"0.0.0.0/0", "::1.2.3.4", false},
        Row{"::ffff:0:0/96", "::1", false}, Row{"1.2.3.4", "::1.2.3.4", false}}) {
    CAPTURE(row.range);
    CAPTURE(row.address);
    CHECK(IpRange::parse(row.range)->contains(ip(row.address)) == row.contains);
  }
}

TEST_CASE("A whitelist is sorted, canonical and without duplicates") {
  const Whitelist list = whitelist(
      {"2001:DB8::/32", "203.0.113.0/24,198.51.100.7/32", "198.51.100.7", "::ffff:198.51.100.7"});
  CHECK(list.entries() ==
        std::vector<std::string>{"198.51.100.7", "203.0.113.0/24", "2001:db8::/32"});
  CHECK(list.to_text() == "198.51.100.7 203.0.113.0/24 2001:db8::/32");
  CHECK(whitelist({"10.0.0.0/8", "10.0.0.0/16", "10.0.0.0"}).ranges().size() == 3);
}

TEST_CASE("A whitelist is read back from its text") {
  for (const std::vector<std::string>& entries :
       std::vector<std::vector<std::string>>{{}, {"::1"}, {"10.0.0.0/8", "::/0", "0.0.0.0/0"}}) {
    const Whitelist list = whitelist(entries);
    CAPTURE(list.to_text());
    const auto read = Whitelist::from_text(list.to_text());
    REQUIRE(read.has_value());
    CHECK(*read == list);
  }
  for (const std::string_view text : {" ", "10.0.0.0/8 ", " ::1", "::1  ::2", "::1,", "x"}) {
    CAPTURE(text);
    CHECK_FALSE(Whitelist::from_text(text).has_value());
  }
}

TEST_CASE("A whitelist with an invalid entry is refused") {
  for (const std::vector<std::string>& entries : std::vector<std::vector<std::string>>{
           {""}, {","}, {"::1,"}, {"::1", ""}, {"::1, ::2"}, {"::1 ::2"}, {"::1", "10.0.0.1/8"}}) {
    CAPTURE(entries.front());
    const auto list = Whitelist::parse(entries);
    REQUIRE_FALSE(list.has_value());
    CHECK(list.error().code == ErrorCode::usage);
  }
}

TEST_CASE("An empty whitelist allows every address, any other only known ones") {
  struct Row {
    std::vector<std::string> entries;
    std::optional<std::string_view> address;
    bool allows;
  };
  const std::vector<Row> rows{
      {{}, std::nullopt, true},
      {{}, "192.0.2.1", true},
      {{}, "::1", true},
      {{"0.0.0.0/0", "::/0"}, std::nullopt, false},
      {{"0.0.0.0/0", "::/0"}, "192.0.2.1", true},
      {{"0.0.0.0/0", "::/0"}, "::1", true},
      {{"::/0"}, "192.0.2.1", false},
      {{"192.0.2.1"}, std::nullopt, false},
      {{"192.0.2.1"}, "192.0.2.1", true},
      {{"192.0.2.1"}, "::ffff:192.0.2.1", true},
      {{"192.0.2.1"}, "192.0.2.2", false},
      {{"192.0.2.1", "10.0.0.0/8"}, "10.1.2.3", true},
  };
  for (const Row& row : rows) {
    const std::string entries = whitelist(row.entries).to_text();
    CAPTURE(entries);
    CAPTURE(row.address.value_or("unknown"));
    const auto address = row.address ? IpAddress::parse(*row.address) : std::nullopt;
    CHECK(whitelist(row.entries).allows(address) == row.allows);
  }
}

TEST_CASE("A whitelist knows whether it has every address of a kind") {
  struct Row {
    std::vector<std::string> entries;
    bool v4;
    bool v6;
  };
  for (const Row& row :
       {Row{{}, false, false}, Row{{"0.0.0.0/0"}, true, false}, Row{{"::/0"}, false, true},
        Row{{"::ffff:0:0/96"}, true, false}, Row{{"::/0", "0.0.0.0/0"}, true, true},
        Row{{"0.0.0.0/1", "128.0.0.0/1"}, true, false}, Row{{"0.0.0.0/1"}, false, false},
        Row{{"0.0.0.0/1", "128.0.0.0/2", "192.0.0.0/3", "224.0.0.0/3"}, true, false},
        Row{{"0.0.0.0/1", "128.0.0.0/2", "192.0.0.0/3", "224.0.0.0/4"}, false, false},
        Row{{"0.0.0.0/1", "10.0.0.0/8", "128.0.0.0/1"}, true, false},
        Row{{"128.0.0.0/1", "0.0.0.1", "::/0"}, false, true},
        Row{{"::/1", "8000::/1"}, false, true}, Row{{"::/1"}, false, false},
        Row{{"8000::/1", "::/2"}, false, false},
        // All IPv6 addresses lie around the IPv4-mapped ones.
        Row{{"8000::/1", "4000::/2", "::/2"}, false, true}}) {
    CAPTURE(row.entries.size());
    const Whitelist list = whitelist(row.entries);
    CHECK(list.has_all_v4() == row.v4);
    CHECK(list.has_all_v6() == row.v6);
  }
}

TEST_CASE("A whitelist has at most 256 entries") {
  CHECK(whitelist(numbered_addresses(256)).ranges().size() == 256);
  const auto too_long = Whitelist::parse(numbered_addresses(257));
  REQUIRE_FALSE(too_long.has_value());
  CHECK(too_long.error().code == ErrorCode::usage);
  CHECK(too_long.error().message == "a whitelist takes at most 256 entries");

  auto doubled = numbered_addresses(256);
  for (const std::string& entry : numbered_addresses(256)) {
    doubled.push_back(entry + "/32");
  }
  CHECK(Whitelist::parse(doubled).has_value());
}

TEST_CASE("Adding to a whitelist is a union within the limit") {
  const Whitelist list = whitelist({"10.0.0.1", "10.0.0.3"});
  CHECK(list.with(whitelist({"10.0.0.2", "10.0.0.1"}))->to_text() == "10.0.0.1 10.0.0.2 10.0.0.3");
  CHECK(list.with(Whitelist()) == list);
  CHECK(Whitelist().with(list) == list);

  const Whitelist full = whitelist(numbered_addresses(256));
  CHECK(full.with(whitelist({"10.0.0.7"})) == full);
  const auto over = full.with(whitelist({"::1"}));
  REQUIRE_FALSE(over.has_value());
  CHECK(over.error().code == ErrorCode::usage);
}

TEST_CASE("Removing from a whitelist is all or nothing") {
  const Whitelist list = whitelist({"10.0.0.1", "10.0.0.2", "10.0.0.0/8"});
  CHECK(list.without(whitelist({"10.0.0.2/32"}))->to_text() == "10.0.0.0/8 10.0.0.1");
  CHECK(list.without(list) == Whitelist());
  CHECK(list.without(Whitelist()) == list);
  for (const std::string missing : {"10.0.0.3", "10.0.0.0/16", "::1", "10.0.0.0"}) {
    CAPTURE(missing);
    const auto rest = list.without(whitelist({"10.0.0.1", missing}));
    REQUIRE_FALSE(rest.has_value());
    CHECK(rest.error().code == ErrorCode::not_found);
    CHECK(rest.error().message == missing + " is not on the whitelist");
  }
}

TEST_CASE("A host is the machine itself by its name or an address") {
  for (const auto& [host, is_loopback] :
       std::vector<std::pair<std::string, bool>>{{"localhost", true},
                                                 {"127.0.0.1", true},
                                                 {"127.255.255.255", true},
                                                 {"::1", true},
                                                 {"::ffff:127.0.0.1", true},
                                                 {"126.255.255.255", false},
                                                 {"128.0.0.1", false},
                                                 {"::2", false},
                                                 {"::127.0.0.1", false},
                                                 {"localhost.example.com", false},
                                                 {"", false}}) {
    CAPTURE(host);
    CHECK(is_loopback_host(host) == is_loopback);
  }
}

}  // namespace
}  // namespace nexakey::core
