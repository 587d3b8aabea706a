#include "core/id_token.h"

#include <doctest/doctest.h>

#include "tests/unit/support.h"

namespace nexakey::core {
namespace {

using test::value_of;

// {"alg":"ES256","kid":"k","typ":"JWT"} and {"aud":["a","b"],"exp":1800000000.5,"iss":"https://i",
// "sub":"s","ref":"main","run":7}
const std::string kHeader = "eyJhbGciOiJFUzI1NiIsImtpZCI6ImsiLCJ0eXAiOiJKV1QifQ";
const std::string kClaims =
    "eyJhdWQiOlsiYSIsImIiXSwiZXhwIjoxODAwMDAwMDAwLjUsImlzcyI6Imh0dHBzOi8vaSIsInN1YiI6InMiLCJyZWYiOi"
    "JtYWluIiwicnVuIjo3fQ";
const std::string kText = kHeader + "." + kClaims + ".AQID";

TEST_CASE("base64url is decoded strictly") {
  struct Row {
    const char* text;
    std::optional<std::string> bytes;
  };
  for (const Row& row :
       {Row{"", ""}, Row{"Zg", "f"}, Row{"Zm8", "fo"}, Row{"Zm9v", "foo"}, Row{"_-8", "\xFF\xEF"},
        Row{"Z", std::nullopt}, Row{"Zh", std::nullopt}, Row{"Zm9", std::nullopt},
        Row{"Zg==", std::nullopt}, Row{"Z+8", std::nullopt}, Row{"Z/8", std::nullopt},
        Row{"Zm9v Zg", std::nullopt}}) {
    CAPTURE(row.text);
    CHECK(decode_base64url(row.text) == row.bytes);
  }
}

TEST_CASE("An ID token is parsed") {
  const IdToken token = value_of(parse_id_token(kText));
  CHECK(token.algorithm == JwsAlgorithm::es256);
  CHECK(token.key_id == "k");
  CHECK(token.issuer == "https://i");
  CHECK(token.subject == "s");
  CHECK(token.audiences == std::vector<std::string>{"a", "b"});
  CHECK(token.expires_at == Time(std::chrono::milliseconds(1'800'000'000'500)));
  CHECK_FALSE(token.not_before);
  CHECK(token.claims.at("ref") == "main");
  CHECK(token.claims.at("run") == "7");
  CHECK_FALSE(token.claims.contains("aud"));
  CHECK(token.signed_text == kHeader + "." + kClaims);
  CHECK(token.signature == "\x01\x02\x03");
  for (const std::string& text :
       {std::string(), std::string("a.b.c"), kHeader + "." + kClaims, kText + ".", kText + "=",
        " " + kText, kHeader + "." + kClaims + ".", kHeader + ".." + "AQID"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_id_token(text));
  }
}

TEST_CASE("An ID token matches a trust with its issuer, audience and claims") {
  const IdToken token = value_of(parse_id_token(kText));
  const Trust trust{
      .issuer = "https://i", .audience = "b", .claims = {{"ref", "main"}, {"run", "7"}}};
  CHECK(check_id_token(token, trust));
  for (const auto& change : std::vector<std::function<void(Trust&)>>{
           [](Trust& t) { t.issuer += "/"; }, [](Trust& t) { t.audience = "a,b"; },
           [](Trust& t) { t.claims["ref"] = "mai"; }, [](Trust& t) { t.claims["other"] = ""; },
           [](Trust& t) { t.claims["aud"] = "b"; }}) {
    Trust other = trust;
    change(other);
    CHECK_FALSE(check_id_token(token, other));
  }
}

TEST_CASE("An ID token is valid until it expires") {
  IdToken token = value_of(parse_id_token(kText));
  CHECK(check_validity(token, token.expires_at - std::chrono::milliseconds(1)));
  CHECK_FALSE(check_validity(token, token.expires_at));
  token.not_before = token.expires_at - std::chrono::seconds(100);
  CHECK(check_validity(token, *token.not_before - kMaxSkew));
  CHECK_FALSE(check_validity(token, *token.not_before - kMaxSkew - std::chrono::milliseconds(1)));
}

TEST_CASE("A trust needs an issuer that can be trusted, an audience and a claim") {
  const Trust good{.issuer = "https://issuer.example.com/realms/a",
                   .audience = "keys",
                   .claims = {{"sub", "repo:acme/api"}}};
  CHECK(check_trust(good));
  for (const char* const issuer :
       {"http://127.0.0.1:8080", "http://localhost/x", "http://[::1]:80", "https://a"}) {
    CAPTURE(issuer);
    Trust trust = good;
    trust.issuer = issuer;
    CHECK(check_trust(trust));
  }
  for (const char* const issuer :
       {"", "https://", "http://issuer.example.com", "http://127.0.0.1.example.com", "https://u@h",
        "https://h?q", "https://h#f", "https://h h", "HTTPS://h", "ftp://localhost", "https:/h",
        "https://h\n"}) {
    CAPTURE(issuer);
    Trust trust = good;
    trust.issuer = issuer;
    CHECK_FALSE(check_trust(trust));
  }
  for (const auto& change : std::vector<std::function<void(Trust&)>>{
           [](Trust& t) { t.audience = ""; }, [](Trust& t) { t.audience = std::string(257, 'a'); },
           [](Trust& t) { t.claims.clear(); }, [](Trust& t) { t.claims["exp"] = "1"; },
           [](Trust& t) { t.claims["a"] = ""; }, [](Trust& t) { t.claims[""] = "a"; },
           [](Trust& t) { t.claims["a"] = "\x1b"; },
           [](Trust& t) {
             for (int n = 0; n < 17; ++n) {
               t.claims["c" + std::to_string(n)] = "x";
             }
           }}) {
    Trust trust = good;
    change(trust);
    CHECK_FALSE(check_trust(trust));
  }
}

}  // namespace
}  // namespace nexakey::core
