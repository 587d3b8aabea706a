#include "server/gateway.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "server/client_address.h"
#include "server/denial.h"
#include "tests/support/stores.h"

namespace nexakey::server {
namespace {

using Headers = std::vector<std::pair<std::string, std::string>>;
using Json = nlohmann::json;
using core::Credential;

const std::string kKey = "fc_live_" + std::string(28, 'A');
const std::string kOther = "fc_live_" + std::string(28, 'B');

RequestHead forwarded(Headers headers) {
  headers.insert(headers.begin(),
                 {{"X-Forwarded-Method", "GET"}, {"X-Forwarded-Uri", "/v1/leads"}});
  return {.method = "GET",
          .target = "/auth/forward",
          .headers = std::move(headers),
          .peer = {.address = test::ip("10.0.0.1")}};
}

/// The request of a gateway in 10.0.0.0/24, which is trusted, for a client.
core::Result<core::Request> read(Headers headers) {
  const TrustedProxies proxies{.addresses =
                                   test::value_of(core::Whitelist::parse({"10.0.0.0/24"}))};
  return read_gateway_request(Gateway::forward, forwarded(std::move(headers)), proxies);
}

std::string client_of(Headers headers) {
  const auto request = read(std::move(headers));
  return request ? request->ip->to_string() : "denied";
}

TEST_CASE(
    "The address of a client may have brackets, a port and the zone of a link-local address") {
  struct Row {
    const char* text;
    const char* address;
  };
  for (const Row& row :
       {Row{"203.0.113.7", "203.0.113.7"}, Row{" 203.0.113.7\t", "203.0.113.7"},
        Row{"203.0.113.7:51234", "203.0.113.7"}, Row{"203.0.113.7:0", "203.0.113.7"},
        Row{"2001:db8::7", "2001:db8::7"}, Row{"[2001:db8::7]", "2001:db8::7"},
        Row{"[2001:db8::7]:443", "2001:db8::7"}, Row{"[::ffff:203.0.113.7]:443", "203.0.113.7"},
        Row{"2001:db8::7:443", "2001:db8::7:443"}, Row{"fe80::1%eth0", "fe80::1"},
        Row{"[fe80::1%eth0.1]:443", "fe80::1"}}) {
    CAPTURE(row.text);
    const auto address = parse_client_address(row.text);
    REQUIRE(address);
    CHECK(address->to_string() == row.address);
  }
}

TEST_CASE("What is almost an address is refused") {
  for (const char* text : {"",
                           " ",
                           "unknown",
                           "_hidden",
                           "203.0.113",
                           "203.0.113.7:",
                           "203.0.113.7:x",
                           "203.0.113.7:65536",
                           "203.0.113.7:-1",
                           "203.0.113.7:+1",
                           "203.0.113.7: 1",
                           "203.0.113.7:1:2",
                           "203.0.113.7/32",
                           "203.0.113.7%eth0",
                           "203.0.113.07",
                           "[203.0.113.7]",
                           "[203.0.113.7]:80",
                           "[2001:db8::7",
                           "2001:db8::7]",
                           "[2001:db8::7]443",
                           "[2001:db8::7]:",
                           "[2001:db8::7]:x",
                           "[2001:db8::7]:443:1",
                           "[2001:db8::7]x",
                           "[[2001:db8::7]]",
                           "[]",
                           "[]:443",
                           "[",
                           "]",
                           ":",
                           ":443",
                           "2001:db8::7%eth0",
                           "fe80::1%",
                           "fe80::1%a b",
                           "fe80::1%eth0%eth1",
                           "[fe80::1]%eth0",
                           "\"203.0.113.7\""}) {
    CAPTURE(text);
    CHECK_FALSE(parse_client_address(text));
  }
}

TEST_CASE("The client is the last hop that is not a trusted proxy") {
  struct Row {
    std::vector<std::string> headers;
    std::string client;
  };
  for (const Row& row : std::vector<Row>{{{"203.0.113.7"}, "203.0.113.7"},
                                         {{"198.51.100.1, 203.0.113.7"}, "203.0.113.7"},
                                         {{"203.0.113.7:51234, 10.0.0.9:80"}, "203.0.113.7"},
                                         {{"garbage, 203.0.113.7, 10.0.0.9"}, "203.0.113.7"},
                                         {{"10.0.0.8, 10.0.0.9"}, "10.0.0.8"},
                                         {{"198.51.100.1", "203.0.113.7"}, "203.0.113.7"},
                                         {{"203.0.113.7", "10.0.0.9"}, "203.0.113.7"},
                                         {{"203.0.113.7, 10.0.0.8", "10.0.0.9"}, "203.0.113.7"},
                                         {{", 203.0.113.7"}, "203.0.113.7"},
                                         {{"203.0.113.7,"}, "denied"},
                                         {{"203.0.113.7, , 10.0.0.9"}, "denied"},
                                         {{"203.0.113.7", ""}, "denied"},
                                         {{"203.0.113.7, unknown"}, "denied"},
                                         {{""}, "denied"},
                                         {{}, "denied"}}) {
    Headers headers;
    std::string all;
    for (const std::string& value : row.headers) {
      headers.emplace_back("X-Forwarded-For", value);
      all += value + " | ";
    }
    CAPTURE(all);
    CHECK(client_of(std::move(headers)) == row.client);
  }
}

TEST_CASE("A credential of another scheme is not a key") {
  struct Row {
    Headers headers;
    Credential credential;
  };
  const std::string bearer = "Bearer " + kKey;
  const auto authorization = [](std::string value) {
    return std::pair<std::string, std::string>("Authorization", std::move(value));
  };
  const auto api_key = [](std::string value) {
    return std::pair<std::string, std::string>("X-Api-Key", std::move(value));
  };
  for (const Row& row : std::vector<Row>{
           {{authorization(bearer)}, Credential::key},
           {{authorization("bEARER   " + kKey)}, Credential::key},
           {{api_key(kKey)}, Credential::key},
           {{authorization("Basic YTpi"), api_key(kKey)}, Credential::key},
           {{api_key(kKey), authorization("basic YTpi")}, Credential::key},
           {{authorization("Digest username=\"a\""), api_key(kKey)}, Credential::key},
           {{authorization("Negotiate " + kKey), api_key(kKey)}, Credential::key},
           {{authorization("Bearer"), api_key(kKey)}, Credential::key},
           {{authorization(bearer), api_key("")}, Credential::key},
           {{}, Credential::missing},
           {{authorization("")}, Credential::missing},
           {{authorization("Basic YTpi")}, Credential::missing},
           {{authorization("Basic " + kKey)}, Credential::missing},
           {{authorization("Basic YTpi, " + bearer)}, Credential::missing},
           {{authorization(kKey)}, Credential::missing},
           {{authorization("Bearer")}, Credential::missing},
           {{api_key("")}, Credential::missing},
           {{authorization("Bearer nonsense")}, Credential::malformed},
           {{authorization(bearer), api_key(kKey)}, Credential::malformed},
           {{authorization(bearer), api_key(kOther)}, Credential::malformed},
           {{api_key(kKey), api_key(kKey)}, Credential::malformed},
           {{api_key(kKey + ", " + kKey)}, Credential::malformed},
           {{authorization(bearer), authorization(bearer)}, Credential::malformed},
           {{authorization("Basic YTpi"), authorization(bearer)}, Credential::malformed},
           {{authorization(bearer), authorization("Basic YTpi")}, Credential::malformed},
           {{authorization(bearer + ", Basic YTpi")}, Credential::malformed}}) {
    Headers headers = row.headers;
    CAPTURE(Json(headers).dump());
    headers.emplace_back("X-Forwarded-For", "203.0.113.7");
    CHECK(test::value_of(read(headers)).credential == row.credential);
  }
}

TEST_CASE("A header that an API may read as one that nexakey reads or sends is a denial") {
  for (const char* name :
       {"X_Nexakey_Scopes", "x_nexakey_scopes", "X-Nexakey_Scopes", "X_NEXAKEY-SCOPES",
        "X.Nexakey.Key.Id", "X_Nexakey_Anything", "X_HTTP_Method_Override",
        "x-http_method.override", "X_HTTP-METHOD", "X.Method!Override", "X_Api_Key", "x-api_key",
        "X_Forwarded_For", "X_FORWARDED_METHOD", "X-Forwarded_Uri", "X_Original_Method",
        "X_Original_URI", "X_Real_IP"}) {
    CAPTURE(name);
    CHECK_FALSE(read({{"X-Forwarded-For", "203.0.113.7"}, {name, "write"}}));
  }
  // The gateway removes these, and the others have another meaning.
  for (const char* name :
       {"X-Nexakey-Scopes", "x-nexakey-scopes", "X_Other", "Nexakey_Scopes", "X_Nexakey",
        "My_X_Nexakey_Scopes", "X-HTTP-Method-Override", "x-http-method", "X-Api-Key", "X_Api",
        "X_Api_Keys", "X_Method", "X_HTTP_Method_Overrides", "XApi_Key"}) {
    CAPTURE(name);
    CHECK(read({{"X-Forwarded-For", "203.0.113.7"}, {name, "write"}}));
  }
}

TEST_CASE("A denial has a body for the client, and an admission has none") {
  for (const int status : {401, 403, 429, 503}) {
    const HttpResponse response = deny_gateway(Gateway::forward, status);
    CHECK(response.status == status);
    const Json body = Json::parse(response.body);
    CHECK(body["status"] == status);
    CHECK(body["title"] == body["error"]["message"]);
    CHECK(response.body == denial_body(status));
    CHECK(deny_gateway(Gateway::envoy, status).body == response.body);
    CHECK(deny_gateway(Gateway::nginx, status).body.empty());
  }
  core::Decision decision;
  decision.reason = core::Reason::allowed;
  CHECK(answer_gateway(Gateway::forward, decision).body.empty());
}

}  // namespace
}  // namespace nexakey::server
