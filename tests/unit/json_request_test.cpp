#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "core/json.h"
#include "core/json_arrays.h"
#include "tests/unit/json_support.h"
#include "tests/unit/support.h"

namespace nexakey::core {
namespace {

using test::as_json;
using test::at;
using test::ip;
using test::kSomeApiKey;
using test::some_key;
using test::value_of;
using test::written;

std::string repeat(std::size_t count, std::string_view piece) {
  std::string text;
  while (count-- > 0) {
    text += piece;
  }
  return text;
}

TEST_CASE("A request is read with each of its members") {
  const auto request = parse_request(
      R"({"key":"fc_live_0123456789ABCDEFGHIJKLMNOPQR","method":"POST","path":"/v1/leads/7?x=y",)"
      R"("ip":"198.51.100.7","workspace":"acme","ref":{"n":[1,null]}})");
  REQUIRE(request.has_value());
  CHECK(request->credential == Credential::key);
  CHECK(request->key_hash == hash_api_key(kSomeApiKey));
  CHECK(request->method == "POST");
  CHECK(request->path == "/v1/leads/7?x=y");
  CHECK(request->ip == ip("198.51.100.7"));
  CHECK(request->workspace == "acme");
  CHECK(request->ref == R"({"n":[1,null]})");
}

TEST_CASE("Absent members of a request have their defaults") {
  for (const std::string_view text :
       {"{}", " \t\r\n{ } \n", R"({"key":null,"ip":null,"workspace":null})", R"({"key":""})"}) {
    CAPTURE(text);
    const auto request = parse_request(text);
    REQUIRE(request.has_value());
    CHECK(request->credential == Credential::missing);
    CHECK(request->method == "GET");
    CHECK(request->path == "/");
    CHECK_FALSE(request->ip.has_value());
    CHECK_FALSE(request->workspace.has_value());
    CHECK(request->ref.empty());
  }
}

TEST_CASE("A request may be in any order and with any escapes") {
  const auto request = parse_request(
      R"({"ref":"r","ip":"::ffff:192.0.2.1","\u006bey":"\u0066c_live_0123456789ABCDEFGHIJKLMNOPQR",)"
      R"("path":"\/a"})");
  REQUIRE(request.has_value());
  CHECK(request->credential == Credential::key);
  CHECK(request->key_hash == hash_api_key(kSomeApiKey));
  CHECK(request->ip == ip("192.0.2.1"));
  CHECK(request->path == "/a");
  CHECK(request->ref == R"("r")");
}

TEST_CASE("A text that is not a key is a malformed credential, not an error") {
  for (const std::string_view key : {"x", "fc_live_", "Bearer fc_live_0123456789ABCDEFGHIJKLMNOPQR",
                                     "fc_live_0123456789ABCDEFGHIJKLMNOPQR\\u0000"}) {
    CAPTURE(key);
    const auto request = parse_request(R"({"key":")" + std::string(key) + R"("})");
    REQUIRE(request.has_value());
    CHECK(request->credential == Credential::malformed);
  }
}

TEST_CASE("The ref of a request is returned, whatever it is") {
  for (const std::string& ref :
       std::vector<std::string>{"null",
                                "true",
                                "false",
                                "0",
                                "7",
                                "-7",
                                "1.5",
                                "-0.0",
                                "1e5",
                                "1E+05",
                                "0.1",
                                "9223372036854775807",
                                "-9223372036854775808",
                                "18446744073709551615",
                                "12345678901234567890123",
                                "-12345678901234567890123",
                                "0.1000000000000000055511151231",
                                "1e-400",
                                "\"\"",
                                "\"x\"",
                                R"("\"\\\n\t")",
                                R"("\u0000\u001b\u007f")",
                                "\"Zoë 🦀\"",
                                "[]",
                                "{}",
                                "[[],{},[{}]]",
                                R"([1,"2",null,true,{"a":[]}])",
                                R"({"a":{"b":{"c":[1,2]}},"d":0})",
                                R"({"key":"x","method":1,"ref":{"ref":[]}})",
                                R"({"a\"\\\u001b":1})",
                                R"({"":{"":0}})",
                                R"({"a":1,"a":2})",
                                repeat(10, "[") + repeat(10, "]"),
                                "\"" + std::string(60'000, 'x') + "\""}) {
    CAPTURE(ref.substr(0, 80));
    for (const bool last : {true, false}) {
      const auto request = parse_request(last ? R"({"method":"PUT","ref":)" + ref + "}"
                                              : R"({"ref":)" + ref + R"(,"method":"PUT"})");
      REQUIRE(request.has_value());
      CHECK(request->ref == ref);
      CHECK(request->method == "PUT");
    }
  }
}

TEST_CASE("The ref of a request is returned without spaces and with our escapes") {
  struct Row {
    std::string ref;
    std::string expected;
  };
  const std::vector<Row> rows{{" [ 1 , { \"a\" : 2 } ] ", R"([1,{"a":2}])"},
                              {R"("\u0041\/\u00e9\ud83e\udd80")", "\"A/é🦀\""},
                              {R"("\r\b\u0085")", R"("\u000d\u0008\u0085")"}};
  for (const Row& row : rows) {
    CAPTURE(row.ref);
    const auto request = parse_request(R"({"ref":)" + row.ref + "}");
    REQUIRE(request.has_value());
    CHECK(request->ref == row.expected);
  }
}

TEST_CASE("An invalid request is refused with the reason") {
  const std::string no_object = "the text is not a JSON object";
  const std::string not_an_object = "a request must be a JSON object";
  struct Row {
    std::string text;
    std::string message;
  };
  const std::vector<Row> rows{
      {"", no_object},
      {" ", no_object},
      {"{", no_object},
      {"}", no_object},
      {"{\"key\"", no_object},
      {"{\"key\":", no_object},
      {R"({"key":"x")", no_object},
      {R"({"key":"x",})", no_object},
      {R"({'key':'x'})", no_object},
      {R"({key:"x"})", no_object},
      {R"({"key":"x"}{"key":"y"})", no_object},
      {R"({"key":"x"} x)", no_object},
      {R"({"key":"x"},)", no_object},
      {R"({"key":"x"}])", no_object},
      {std::string("{}\0", 3), no_object},
      {std::string("{}\0{\"ip\":\"::1\"}", 15), no_object},
      {std::string("\0{}", 3), no_object},
      {"{} // comment", no_object},
      {"/* comment */ {}", no_object},
      {"# {}", no_object},
      {"{\"path\":\"/\n\"}", no_object},
      {"{\"ref\":\"\xFF\"}", no_object},
      {"{\"ref\":\"\xC0\xAF\"}", no_object},
      {"{\"ref\":\"\xED\xA0\x80\"}", no_object},
      {"{\"\xFF\":1}", no_object},
      {R"({"ref":"\ud800"})", no_object},
      {R"({"ref":"\udc00x"})", no_object},
      {R"({"ref":"\x"})", no_object},
      {R"({"ref":01})", no_object},
      {R"({"ref":+1})", no_object},
      {R"({"ref":.5})", no_object},
      {R"({"ref":1.})", no_object},
      {R"({"ref":NaN})", no_object},
      {R"({"ref":Infinity})", no_object},
      {R"({"ref":nul})", no_object},
      {R"({"ref":[1,]})", no_object},
      {R"({"ref":1e400})", "the request has a number that is out of range"},
      {R"({"ref":[-1e400]})", "the request has a number that is out of range"},
      {"null", not_an_object},
      {"true", not_an_object},
      {"7", not_an_object},
      {"-7", not_an_object},
      {"7.5", not_an_object},
      {"\"key\"", not_an_object},
      {"[]", not_an_object},
      {"[{}]", not_an_object},
      {R"([{"key":"x"}])", not_an_object},
      {R"({"Key":"x"})", "a request has no member \"Key\""},
      {R"({"":"x"})", "a request has no member \"\""},
      {R"({"ip ":"::1"})", "a request has no member \"ip \""},
      {R"({"ip\u0000":"::1"})", "a request has no member \"ip\uFFFD\""},
      {R"({"client_ip":"::1"})", "a request has no member \"client_ip\""},
      {R"({"ref":{},"x":1})", "a request has no member \"x\""},
      {R"({"\u001b[2J":1})", "a request has no member \"\uFFFD[2J\""},
      {R"({"key":"x","key":"y"})", "the member key is given twice"},
      {R"({"key":"x","\u006bey":"y"})", "the member key is given twice"},
      {R"({"ip":"::1","ip":null})", "the member ip is given twice"},
      {R"({"ref":1,"ref":2})", "the member ref is given twice"},
      {R"({"ref":{"ref":1},"ref":2})", "the member ref is given twice"},
      {R"({"workspace":null,"workspace":"a"})", "the member workspace is given twice"},
      {R"({"key":7})", "the member key must be a string"},
      {R"({"key":true})", "the member key must be a string"},
      {R"({"key":["x"]})", "the member key must be a string"},
      {R"({"key":{"key":"x"}})", "the member key must be a string"},
      {R"({"method":null})", "the member method must be a string"},
      {R"({"method":1})", "the member method must be a string"},
      {R"({"path":null})", "the member path must be a string"},
      {R"({"path":[]})", "the member path must be a string"},
      {R"({"ip":7.5})", "the member ip must be a string"},
      {R"({"ip":["::1"]})", "the member ip must be a string"},
      {R"({"workspace":false})", "the member workspace must be a string"},
      {R"({"workspace":18446744073709551616})", "the member workspace must be a string"},
      {R"({"method":""})", "\"\" is not an HTTP method"},
      {R"({"method":"GET "})", "\"GET \" is not an HTTP method"},
      {R"({"method":"G\u0000"})", "\"G\uFFFD\" is not an HTTP method"},
      {R"({"path":""})", "the path \"\" does not begin with /"},
      {R"({"path":"v1"})", "the path \"v1\" does not begin with /"},
      {R"({"path":"/a b"})", "the path \"/a b\" has characters that are not allowed in a URL"},
      {R"({"ip":""})", "\"\" is not an IPv4 or IPv6 address"},
      {R"({"ip":"010.0.0.1"})", "\"010.0.0.1\" is not an IPv4 or IPv6 address"},
      {R"({"ip":"10.0.0.0/8"})", "\"10.0.0.0/8\" is not an IPv4 or IPv6 address"},
      {R"({"ip":"10.0.0.1\u0000"})", "\"10.0.0.1\uFFFD\" is not an IPv4 or IPv6 address"},
      {R"({"ip":"fe80::1%eth0"})", "\"fe80::1%eth0\" is not an IPv4 or IPv6 address"},
      {R"({"workspace":""})", "\"\" is not a workspace name"},
      {R"({"workspace":"a b"})", "\"a b\" is not a workspace name"},
      {R"({"ref":)" + repeat(17, "[") + repeat(17, "]") + "}",
       "the member ref is nested too deeply"},
      {R"({"ref":)" + repeat(30'000, "[") + repeat(30'000, "]") + "}",
       "the member ref is nested too deeply"},
      {R"({"ref":)" + repeat(30'000, "["), "the member ref is nested too deeply"},
      {R"({"ref":)" + repeat(5'000, R"({"a":)"), "the member ref is nested too deeply"},
      {R"({"ref":")" + std::string(65'536, 'x') + "\"}", "a request is longer than 65536 bytes"},
      {std::string(65'537, ' '), "a request is longer than 65536 bytes"},
      {std::string(65'536, '['), not_an_object},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text.substr(0, 80));
    const auto request = parse_request(row.text);
    REQUIRE_FALSE(request.has_value());
    CHECK(request.error().code == ErrorCode::usage);
    CHECK(request.error().message == row.message);
  }
}

TEST_CASE("A request of exactly the maximum length is read") {
  std::string text = R"({"ref":""})";
  text.insert(text.size() - 2, std::string(kMaxRequestSize - text.size(), 'x'));
  REQUIRE(text.size() == kMaxRequestSize);
  CHECK(parse_request(text).has_value());
}

TEST_CASE("An error about a request never contains its key") {
  const std::string key(kSomeApiKey);
  for (const std::string& text :
       std::vector<std::string>{key,
                                "\"" + key + "\"",
                                "[\"" + key + "\"]",
                                "{\"key\":" + key + "}",
                                "{\"key\":\"" + key + "}",
                                "{\"key\":\"" + key + "\"",
                                "{\"key\":\"" + key + "\"}x",
                                "{\"key\":[\"" + key + "\"]}",
                                "{\"key\":\"" + key + "\",\"key\":\"" + key + "\"}",
                                "{\"" + key + "\":1}",
                                "{\"" + key + "\":\"key\"}",
                                "{\" " + key + "\":1}",
                                "{\"key" + key + "\":1}",
                                "{\"token\":\"" + key + "\"}",
                                "{\"method\":\"" + key + "\"}",
                                "{\"path\":\"" + key + "\"}",
                                "{\"path\":\"/ " + key + "\"}",
                                "{\"ip\":\"" + key + "\"}",
                                "{\"workspace\":\"-" + key + "\"}",
                                "{\"ip\":\"\\u0066" + key.substr(1) + "\"}",
                                "{\"key\":\"" + key + "\xFF\"}",
                                "{\"key\":\"" + key + "\\q\"}",
                                "{\"key\":\"" + key + "\n\"}",
                                "{\"key\":\"" + key + "\",\"ip\":\"x\"}"}) {
    CAPTURE(text);
    const auto request = parse_request(text);
    REQUIRE_FALSE(request.has_value());
    CHECK_FALSE(contains_api_key(request.error().message));
    CHECK_FALSE(contains_api_key(request.error().hint));
    CHECK(request.error().message.find(key.substr(8)) == std::string::npos);
  }
}

TEST_CASE("A damaged request is read or refused without revealing its key") {
  const std::string whole =
      R"({"key":"fc_live_0123456789ABCDEFGHIJKLMNOPQR","method":"POST","path":"/v1/7",)"
      R"("ip":"198.51.100.7","workspace":"acme","ref":{"n":[1,null,"x",-2.5e3]}})";
  std::mt19937_64 random(20260601);
  for (int i = 0; i < 20'000; ++i) {
    std::string text = whole;
    for (auto left = test::below(random, 4) + 1; left > 0; --left) {
      const std::size_t where = test::below(random, text.size());
      switch (test::below(random, 4)) {
        case 0:
          text[where] = static_cast<char>(random());
          break;
        case 1:
          text.erase(where, test::below(random, 5) + 1);
          break;
        case 2:
          text.insert(where, 1, "\"\\{}[],:0-e"[test::below(random, 11)]);
          break;
        default:
          text.insert(where, whole.substr(test::below(random, whole.size()), 40));
          break;
      }
      if (text.empty()) {
        text = "{";
      }
    }
    CAPTURE(text);
    const auto request = parse_request(text);
    if (!request) {
      REQUIRE_FALSE(request.error().message.empty());
      REQUIRE_FALSE(contains_api_key(request.error().message));
    } else {
      // What was read can be written and read again.
      const std::string again = R"({"ref":)" + (request->ref.empty() ? "null" : request->ref) + "}";
      REQUIRE(parse_request(again).has_value());
      REQUIRE(parse_request(again)->ref == (request->ref.empty() ? "null" : request->ref));
    }
  }
}

TEST_CASE("A request is read as it was written, with the hash for the key") {
  std::vector<Request> requests(4);
  set_credential(requests[1], test::kSomeApiKey);
  requests[1].method = "POST";
  requests[1].path = "/v1/leads?x=y";
  requests[1].ip = ip("2001:db8::1");
  requests[1].workspace = "acme";
  requests[1].override_method = "DELETE";
  set_credential(requests[2], "nonsense");
  requests[2].ref = R"({"n":[1,"x"]})";
  set_credential(requests[3], test::kSomeApiKey);
  const std::string text = written([&](JsonWriter& json) {
    json.begin_array();
    for (const Request& request : requests) {
      write_request(json, request);
    }
    json.end_array();
  });
  CAPTURE(text);
  CHECK_FALSE(contains_credential(text));
  const RequestDocument document = value_of(parse_requests(text));
  CHECK(document.is_array);
  REQUIRE(document.requests.size() == requests.size());
  for (std::size_t i = 0; i < requests.size(); ++i) {
    CAPTURE(i);
    const Request& read = document.requests[i];
    CHECK(read.credential == requests[i].credential);
    CHECK(read.key_hash == requests[i].key_hash);
    CHECK(read.method == requests[i].method);
    CHECK(read.path == requests[i].path);
    CHECK(read.ip == requests[i].ip);
    CHECK(read.workspace == requests[i].workspace);
    CHECK(read.override_method == requests[i].override_method);
    CHECK(read.ref == (requests[i].ref.empty() ? "null" : requests[i].ref));
  }
}

TEST_CASE("A document has one request or an array of them") {
  const std::string hash = to_hex(some_key().hash);
  struct Row {
    std::string text;
    int requests;  // -1: refused
    bool is_array;
  };
  const std::vector<Row> rows{
      {"{}", 1, false},
      {"[]", 0, true},
      {" [ ] ", 0, true},
      {"[{}]", 1, true},
      {R"([{"ref":[1,[2]]},{"key":null,"ref":{"a":[]}},{}])", 3, true},
      {R"([{"path":"/a"},{"path":"/b"}])", 2, true},
      {R"({"key_hash":")" + hash + "\"}", 1, false},
      {R"({"method_override":null})", 1, false},
      {"", -1, false},
      {"null", -1, false},
      {"7", -1, false},
      {"\"a\"", -1, false},
      {"[null]", -1, false},
      {"[{},null]", -1, false},
      {"[{\"ref\":1},null]", -1, false},
      {"[7]", -1, false},
      {"[\"a\"]", -1, false},
      {"[true]", -1, false},
      {"[[]]", -1, false},
      {"[[{}]]", -1, false},
      {"[{},[]]", -1, false},
      {"[{}", -1, false},
      {"[{}]x", -1, false},
      {"[{}][]", -1, false},
      {"{}{}", -1, false},
      {std::string("[]\0", 3), -1, false},
      {R"([{"path":"/a","path":"/b"}])", -1, false},
      {R"([{"paths":"/a"}])", -1, false},
      {R"([{},{"path":7}])", -1, false},
      {R"([{"method_override":""}])", -1, false},
      {R"([{"method_override":7}])", -1, false},
      {R"({"key_id":"key_0123456789ab"})", 1, false},
      {R"({"key_id":null})", -1, false},
      {R"({"key_id":"key_x"})", -1, false},
      {R"({"key_id":"key_0123456789ab","key":"x"})", -1, false},
      {R"({"key_id":"key_0123456789ab","key_hash":")" + hash + "\"}", -1, false},
      {R"({"key_hash":null})", -1, false},
      {R"({"key_hash":"00"})", -1, false},
      {R"({"key_hash":7})", -1, false},
      {R"({"key":"x","key_hash":")" + hash + "\"}", -1, false},
      {R"({"key_hash":")" + hash + R"(","key":"x"})", -1, false},
      {R"([{"key":")" + std::string(test::kSomeApiKey) + R"(","key_hash":")" + hash + "\"}]", -1,
       false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const auto document = parse_requests(row.text);
    REQUIRE(document.has_value() == (row.requests >= 0));
    if (document) {
      CHECK(document->requests.size() == static_cast<std::size_t>(row.requests));
      CHECK(document->is_array == row.is_array);
    } else {
      CHECK(document.error().code == ErrorCode::usage);
      CHECK_FALSE(document.error().message.empty());
      CHECK_FALSE(contains_credential(document.error().message));
    }
  }
  const auto refs = value_of(parse_requests(R"([{"ref":[1,{"a":2}]},{},{"ref":"x"}])")).requests;
  CHECK(refs[0].ref == R"([1,{"a":2}])");
  CHECK(refs[1].ref.empty());
  CHECK(refs[2].ref == R"("x")");
}

TEST_CASE("A document has at most 1024 requests") {
  std::string text = "[{}";
  for (int i = 1; i < 1024; ++i) {
    text += ",{}";
  }
  CHECK(value_of(parse_requests(text + "]")).requests.size() == 1024);
  CHECK_FALSE(parse_requests(text + ",{}]").has_value());
}

TEST_CASE("A document has at most 1024 upstream responses") {
  const std::string one = R"({"key_id":"key_0123456789ab","status":200})";
  CHECK(value_of(parse_upstream_responses(one)).size() == 1);
  CHECK(value_of(parse_upstream_responses("[]")).empty());
  std::string text = "[" + one;
  for (int i = 1; i < 1024; ++i) {
    text += "," + one;
  }
  CHECK(value_of(parse_upstream_responses(text + "]")).size() == 1024);
  const auto refused = parse_upstream_responses(text + "," + one + "]");
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == ErrorCode::usage);
  CHECK_FALSE(parse_upstream_responses("[" + one + ",7]").has_value());
  CHECK_FALSE(parse_upstream_responses("[[" + one + "]]").has_value());
}

TEST_CASE("A hash in place of a key is for many requests only") {
  const auto request = parse_request(R"({"key_hash":")" + to_hex(some_key().hash) + "\"}");
  REQUIRE_FALSE(request.has_value());
  CHECK(request.error().message == "a request has no member \"key_hash\"");
  CHECK_FALSE(parse_request("[{}]").has_value());
}

TEST_CASE("An upstream response is read as it was written") {
  for (const UpstreamResponse& answer :
       {UpstreamResponse{
            .key = some_key().id, .method = "POST", .path = "/v1/leads?x=y", .status = 502},
        UpstreamResponse{.key = some_key().id, .status = 200, .workspace = "sales"},
        UpstreamResponse{.key = some_key().id, .method = "GET", .path = "/", .status = 100}}) {
    const UpstreamResponse read = value_of(read_upstream_response(
        as_json([&](JsonWriter& json) { write_upstream_response(json, answer); })));
    CHECK(read.key == answer.key);
    CHECK(read.method == answer.method);
    CHECK(read.path == answer.path);
    CHECK(read.status == answer.status);
    CHECK(read.workspace == answer.workspace);
  }
  const std::string key = R"("key_id":"key_0123456789ab")";
  for (const std::string& text : std::vector<std::string>{
           R"({"status":200})", R"({"key_id":null,"status":200})", R"({"key_id":"x","status":200})",
           "{" + key + "}", "{" + key + R"(,"status":99})", "{" + key + R"(,"status":600})",
           "{" + key + R"(,"status":-4294967096})", "{" + key + R"(,"status":4294967496})",
           "{" + key + R"(,"status":"200"})", "{" + key + R"(,"status":200.5})",
           "{" + key + R"(,"status":200,"method":"G T"})",
           "{" + key + R"(,"status":200,"path":"x"})",
           "{" + key + R"(,"status":200,"workspace":"a b"})"}) {
    CAPTURE(text);
    CHECK_FALSE(read_upstream_response(value_of(parse_json(text))).has_value());
  }
}

}  // namespace
}  // namespace nexakey::core
