#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include <doctest/doctest.h>

#include "server/access_line.h"
#include "server/limits.h"
#include "server/request_reader.h"
#include "server/service.h"
#include "store/open.h"
#include "tests/fuzz/mutator.h"
#include "tests/support/keys.h"
#include "tests/support/temporary_directory.h"

namespace nexakey::server {
namespace {

using test::value_of;

const std::string kKey = test::api_key(1);

std::vector<std::string> requests() {
  const std::string bearer = "Authorization: Bearer " + kKey + "\r\n";
  const std::string body = R"([{"key":")" + kKey + R"(","method":"GET","path":"/a","ref":[1]}])";
  return {
      "GET /auth/nginx HTTP/1.1\r\nHost: x\r\n" + bearer +
          "X-Original-Method: GET\r\nX-Original-URI: /v1/leads/7?a=b\r\n"
          "X-Real-IP: 198.51.100.7\r\n\r\n",
      "GET /auth/forward HTTP/1.1\r\nHost: x\r\nX-Api-Key: " + kKey +
          "\r\nX-Forwarded-Method: GET\r\nX-Forwarded-Uri: /v1/leads/7\r\n"
          "X-Forwarded-For: 198.51.100.7, 192.0.2.1\r\n\r\n",
      "GET /auth/envoy/v1/leads HTTP/1.1\r\nHost: x\r\n" + bearer +
          "X-Forwarded-For: 2001:db8::1\r\nX-HTTP-Method-Override: DELETE\r\n\r\n",
      "POST /v1/verify?explain=true HTTP/1.1\r\nHost: x\r\n" + bearer +
          "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body,
      "POST /v1/report HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
      "4;a=b\r\n{}\r\n\r\n0\r\nTrailer: x\r\n\r\n",
      "HEAD /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
      "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
  };
}

std::vector<std::string> words() {
  return {"\r\n",
          "\r\n\r\n",
          "\n",
          "\r",
          "\t",
          " ",
          ":",
          "%",
          "%00",
          "\0",
          "?",
          "//",
          "..",
          "Content-Length: 3\r\n",
          "Content-Length: 99999999999999999999\r\n",
          "Transfer-Encoding: chunked\r\n",
          "Transfer-Encoding: identity\r\n",
          "Expect: 100-continue\r\n",
          "Upgrade: h2c\r\n",
          "X-Real-IP: 127.0.0.1\r\n",
          "X-Forwarded-For: 127.0.0.1\r\n",
          "X-Api-Key: " + kKey + "\r\n",
          "ffffffffffffffff\r\n",
          "HTTP/1.1",
          "HTTP/9.9",
          "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
          std::string(20000, 'a')};
}

const Limits kLimits;

struct ReadRequest {
  RequestHead head;
  std::string body;
};

/// The requests that a connection reads from bytes in pieces.
struct Read {
  std::vector<ReadRequest> requests;
  int refused = 0;
};

template <typename NextPiece>
Read read_all(const std::string& bytes, const NextPiece& next_piece) {
  Read read;
  RequestReader reader(kLimits.header_bytes);
  std::optional<ReadHead> head;
  std::string in;
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t length = next_piece();
    in += bytes.substr(at, length);
    at += length;
    for (bool needs_more = false; !needs_more;) {
      if (!head) {
        auto one = reader.read_head(in);
        if (!one) {
          read.refused = one.error();
          return read;
        }
        head = *std::move(one);
        if (head) {
          reader.begin_body(kLimits.body_bytes, BodyUse::keep);
        }
      }
      const auto is_whole = head ? reader.read_body(in) : tl::expected<bool, int>(false);
      if (!is_whole) {
        read.refused = is_whole.error();
        return read;
      }
      needs_more = !*is_whole;
      if (*is_whole) {
        read.requests.push_back({.head = std::move(head->head), .body = reader.take_body()});
        if (head->persistence == Persistence::close) {
          return read;
        }
        head.reset();
      }
    }
  }
  return read;
}

bool is_same(const ReadRequest& a, const ReadRequest& b) {
  return a.head.method == b.head.method && a.head.target == b.head.target &&
         a.head.headers == b.head.headers && a.body == b.body;
}

TEST_CASE("requests are the same in any pieces") {
  test::Mutator mutator(requests(), words());
  std::size_t whole = 0;
  std::size_t refused = 0;
  for (std::uint64_t i = 0, end = test::fuzz_inputs(10000); i < end; ++i) {
    const std::string bytes = mutator.next();
    const Read at_once = read_all(bytes, [&] { return bytes.size(); });
    const Read in_pieces = read_all(bytes, [&] { return 1 + mutator.below(50); });
    CAPTURE(i);
    REQUIRE(std::ranges::equal(at_once.requests, in_pieces.requests, is_same));
    for (const ReadRequest& request : at_once.requests) {
      REQUIRE(request.body.size() <= kLimits.body_bytes);
    }
    whole += at_once.requests.size();
    refused += at_once.refused != 0 ? 1 : 0;
  }
  CHECK(whole > 0);
  CHECK(refused > 0);
}

TEST_CASE("no gateway request is admitted without a key that allows it") {
  const auto folder = test::TemporaryDirectory::in_memory();
  const auto store = value_of(store::open_served("sqlite:" + (folder / "keys.db").string(),
                                                 store::OpenMode::create_if_missing));
  core::Key key = test::make_key(1);
  key.scopes = test::scopes("read");
  key.whitelist = test::whitelist({"198.51.100.0/24"});
  key.rate_limit = core::kMaxRateLimit;
  value_of(store->as(test::kTester).create(key, store::CreateMode::always, test::now()));
  Service service({.addresses = test::whitelist({"127.0.0.1"}), .unix_socket = false}, {});
  test::Mutator mutator(requests(), words());
  const std::set<int> known{200, 204, 400, 401, 403, 404, 405, 413, 429};
  std::size_t admitted = 0;
  for (std::uint64_t i = 0, end = test::fuzz_inputs(10000); i < end; ++i) {
    const std::string bytes = mutator.next();
    Read read = read_all(bytes, [&] { return bytes.size(); });
    std::vector<HttpRequest> requests;
    for (ReadRequest& one : read.requests) {
      one.head.peer.address = test::ip(mutator.below(16) == 0 ? "192.0.2.9" : "127.0.0.1");
      HttpRequest request{
          .head = one.head, .resolved = service.resolve(one.head), .body = std::move(one.body)};
      if (request.resolved.asked) {
        requests.push_back(std::move(request));
      }
    }
    std::vector<const HttpRequest*> batch;
    for (const HttpRequest& request : requests) {
      batch.push_back(&request);
    }
    const auto responses = service.decide(*store, batch).responses;
    CAPTURE(i);
    REQUIRE(responses.size() == requests.size());
    for (std::size_t n = 0; n < responses.size(); ++n) {
      const RequestHead& request = requests[n].head;
      REQUIRE(known.contains(responses[n].status));
      if (!request.target.starts_with("/auth/") || responses[n].status != 200) {
        continue;
      }
      ++admitted;
      REQUIRE(request.peer.to_string() == "127.0.0.1");
      REQUIRE(std::ranges::any_of(request.headers, [](const auto& header) {
        return header.second.find(kKey) != std::string::npos;
      }));
      REQUIRE(std::ranges::any_of(request.headers, [](const auto& header) {
        return header.second.find("198.51.100.") != std::string::npos;
      }));
    }
  }
  CHECK(admitted > 0);
}

TEST_CASE("datagrams of an access log are read or refused") {
  const std::string line =
      R"({"key_id":"key_0123456789ab","admitted":"200","status":502,"method":"GET","path":"/v1"})";
  test::Mutator mutator(
      {"<190>Nov 25 13:00:00 gateway nginx: " + line, "<14>Jan  1 00:00:00 nginx: " + line},
      {"{", "}", "\"", "\\", "\\u0000", ",", ":", "[", "<", ">", " ", "null", "200", "\"status\":1",
       "key_0123456789ab"});
  std::size_t taken = 0;
  for (std::uint64_t i = 0, end = test::fuzz_inputs(20000); i < end; ++i) {
    const auto answer = read_access_line(mutator.next());
    if (answer && *answer) {
      ++taken;
      REQUIRE(core::check_upstream_response(**answer));
    }
  }
  CHECK(taken > 0);
}

}  // namespace
}  // namespace nexakey::server
