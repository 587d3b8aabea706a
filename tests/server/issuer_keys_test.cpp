#include "server/issuer_keys.h"

#include <functional>
#include <future>
#include <map>
#include <new>
#include <string>

#include <doctest/doctest.h>

namespace nexakey::server {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

const std::string kIssuer = "https://issuer.example.com";

/// A modulus of 2048 bits.
std::string modulus() { return std::string(340, 'w') + "wQ"; }

std::string jwk(const std::string& id, const std::string& more = "") {
  return R"({"kty":"RSA","kid":")" + id + R"(","n":")" + modulus() + R"(","e":"AQAB")" + more + "}";
}

/// An issuer on paper, and its keys.
struct PaperIssuer {
  std::map<std::string, std::string> documents{
      {kIssuer + "/.well-known/openid-configuration",
       R"({"issuer":")" + kIssuer + R"(","jwks_uri":"https://keys.example.com/k"})"},
      {"https://keys.example.com/k", R"({"keys":[)" + jwk("a") + "]}"}};
  int fetches = 0;
  std::function<void()> on_fetch = [] {};
  IssuerKeys keys{[this](const std::string& url) -> core::Result<std::string> {
    ++fetches;
    on_fetch();
    const auto document = documents.find(url);
    return document == documents.end() ? core::fail(core::ErrorCode::failed, "down")
                                       : core::Result<std::string>(document->second);
  }};
  IssuerKeys::Clock::time_point now{};

  /// "found", "none", or the error.
  std::string find(const std::string& id) {
    const auto key = keys.find(kIssuer, id, now);
    return key ? (*key ? "found" : "none") : key.error().message;
  }
};

TEST_CASE("An issuer is asked at most once a minute") {
  PaperIssuer fixture;
  CHECK(fixture.find("a") == "found");
  CHECK(fixture.fetches == 2);
  CHECK(fixture.find("b") == "none");
  CHECK(fixture.fetches == 2);
  fixture.documents["https://keys.example.com/k"] = R"({"keys":[)" + jwk("b") + "]}";
  fixture.now += seconds(59);
  CHECK(fixture.find("b") == "none");
  fixture.now += seconds(1);
  CHECK(fixture.find("b") == "found");
  CHECK(fixture.find("a") == "none");  // the issuer has taken it back
  CHECK(fixture.fetches == 4);
}

TEST_CASE("A key that the issuer takes back is not valid for longer than ten minutes") {
  PaperIssuer fixture;
  CHECK(fixture.find("a") == "found");
  fixture.documents["https://keys.example.com/k"] = R"({"keys":[]})";
  fixture.now += minutes(9);
  CHECK(fixture.find("a") == "found");
  fixture.now += minutes(1);
  CHECK(fixture.find("a") == "none");
}

TEST_CASE("Known keys are valid for an hour while the issuer cannot be reached") {
  PaperIssuer fixture;
  CHECK(fixture.find("a") == "found");
  const auto documents = std::exchange(fixture.documents, {});
  fixture.now += minutes(59);
  CHECK(fixture.find("a") == "found");
  fixture.now += minutes(1);
  CHECK(fixture.find("a").find("are not known: down") != std::string::npos);
  const int fetches = fixture.fetches;
  fixture.now += seconds(30);
  CHECK(fixture.find("a") != "found");
  CHECK(fixture.fetches == fetches);  // once a minute in this case, too
  fixture.documents = documents;
  fixture.now += seconds(30);
  CHECK(fixture.find("a") == "found");
}

TEST_CASE("Known keys are found while the issuer is being asked") {
  PaperIssuer fixture;
  CHECK(fixture.find("a") == "found");
  fixture.now += minutes(10);
  std::promise<void> begun;
  std::promise<void> ended;
  fixture.on_fetch = [&] {
    if (fixture.fetches == 3) {
      begun.set_value();
      ended.get_future().wait();
    }
  };
  auto first = std::async(std::launch::async, [&] { return fixture.find("a"); });
  begun.get_future().wait();
  CHECK(fixture.find("a") == "found");
  CHECK(fixture.find("b") == "the keys of the issuer are not known: it has not answered yet");
  ended.set_value();
  CHECK(first.get() == "found");
  CHECK(fixture.fetches == 4);
}

TEST_CASE("Of an issuer that did not answer, it is not known which keys it has") {
  PaperIssuer fixture;
  CHECK(fixture.find("a") == "found");
  fixture.documents.clear();
  fixture.now += minutes(1);
  CHECK(fixture.find("b") == "the keys of the issuer are not known: down");
  CHECK(fixture.find("a") == "found");
  fixture.on_fetch = [] { throw std::bad_alloc(); };
  fixture.now += minutes(1);
  CHECK_THROWS_AS(fixture.find("b"), std::bad_alloc);
  CHECK(fixture.find("b") == "the keys of the issuer are not known: it has not answered yet");
  CHECK(fixture.find("a") == "found");
}

TEST_CASE("Only keys that ID tokens can be signed with are taken") {
  const auto ids = [](const std::string& keys) -> std::string {
    const auto jwks = parse_jwks(R"({"keys":[)" + keys + "]}");
    std::string found;
    for (const auto& [id, key] : jwks.value_or(Jwks())) {
      found += id;
    }
    return jwks ? found : jwks.error().message;
  };
  CHECK(ids("") == "");
  CHECK(ids(jwk("a") + "," + jwk("b")) == "ab");
  CHECK(ids(jwk("a") + "," + jwk("a")) == "it has two keys with one kid");
  CHECK(ids(jwk("a", R"(,"use":"enc")")) == "");
  CHECK(ids(jwk("a", R"(,"use":"sig","alg":"RS256")")) == "a");
  CHECK(ids(jwk("a", R"(,"alg":"HS256")")) == "");
  for (const char* const other :
       {"1", "{}", R"({"kty":"oct","kid":"a","k":"AAAA"})", R"({"kty":"RSA","kid":"a"})",
        R"({"kty":"RSA","kid":"a","n":"AQAB","e":"AQAB"})",
        R"({"kty":"EC","kid":"a","crv":"P-384","x":"AA","y":"AA"})",
        R"({"kty":"EC","kid":"a","crv":"P-256","x":"AA","y":"AA"})"}) {
    CAPTURE(other);
    CHECK(ids(other) == "");
  }
  for (const char* const text : {"", "[]", R"({"keys":{}})", "{}", R"({"keys":[],"keys":[]})"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_jwks(text));
  }
  std::string many;
  for (int n = 0; n <= 100; ++n) {
    many += (n == 0 ? "" : ",") + jwk(std::to_string(n));
  }
  CHECK(ids(many) == "it has more than 100 keys");
}

}  // namespace
}  // namespace nexakey::server
