#include "core/endpoint.h"

#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "core/api_key.h"
#include "tests/unit/support.h"

namespace nexakey::core {
namespace {

using test::kSomeApiKey;

TEST_CASE("An endpoint is the method and the path without identifiers") {
  const std::string key(kSomeApiKey);
  struct Row {
    std::string path;
    std::string endpoint;
  };
  const std::vector<Row> rows{
      {"/", "/"},
      {"/v1/leads", "/v1/leads"},
      {"/v1/leads/", "/v1/leads/"},
      {"//", "//"},
      {"/v1//leads", "/v1//leads"},
      {"//7//", "//{id}//"},
      // Query and fragment.
      {"/v1/leads?page=7", "/v1/leads"},
      {"/v1/leads#top", "/v1/leads"},
      {"/v1/leads?a=1#b?c", "/v1/leads"},
      {"/v1/leads#b?a=1", "/v1/leads"},
      {"/?/7/8", "/"},
      {"/v1/leads/7?", "/v1/leads/{id}"},
      {"/x?key=" + key, "/x"},
      // Numbers.
      {"/v1/leads/7", "/v1/leads/{id}"},
      {"/v1/leads/0", "/v1/leads/{id}"},
      {"/7/8/9", "/{id}/{id}/{id}"},
      {"/v1/leads/" + std::string(300, '9'), "/v1/leads/{id}"},
      {"/v1/leads/7a", "/v1/leads/7a"},
      {"/v1/leads/-7", "/v1/leads/-7"},
      {"/v1/leads/7.5", "/v1/leads/7.5"},
      {"/v2", "/v2"},
      // UUIDs.
      {"/u/123e4567-e89b-12d3-a456-426614174000", "/u/{id}"},
      {"/u/123E4567-E89B-12D3-A456-426614174000/x", "/u/{id}/x"},
      {"/u/00000000-0000-0000-0000-000000000000", "/u/{id}"},
      {"/u/aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "/u/{id}"},
      {"/u/gggggggg-bbbb-cccc-dddd-eeeeeeeeeeee", "/u/gggggggg-bbbb-cccc-dddd-eeeeeeeeeeee"},
      // Hexadecimal.
      {"/c/deadbeefdeadbeef", "/c/{id}"},
      {"/c/DEADBEEFdeadbeef", "/c/{id}"},
      {"/c/deadbeefdeadbee", "/c/deadbeefdeadbee"},
      {"/c/da39a3ee5e6b4b0d3255bfef95601890afd80709", "/c/{id}"},
      {"/c/da39a3e", "/c/da39a3e"},
      // Tokens of 15 and 16 characters.
      {"/t/a1b2c3d4e5f6g7h", "/t/a1b2c3d4e5f6g7h"},
      {"/t/a1b2c3d4e5f6g7h8", "/t/{id}"},
      {"/t/zzzzzzzzzzzzzzz9", "/t/{id}"},
      {"/t/zzzzzzzzzzzzzz9", "/t/zzzzzzzzzzzzzz9"},
      {"/t/01ARZ3NDEKTSV4RRFFQ69G5FAV", "/t/{id}"},
      {"/t/cus_9s6XKzkNRiz8i3", "/t/{id}"},
      {"/t/V1StGXR8_Z5jdHi6B-myT", "/t/{id}"},
      {"/t/key_0123456789ab", "/t/{id}"},
      // Words stay, however long.
      {"/organization-settings", "/organization-settings"},
      {"/internationalization", "/internationalization"},
      {"/notification_preferences/list", "/notification_preferences/list"},
      {"/face-feed-dead-beef", "/face-feed-dead-beef"},
      {"/reports/summary-2024.pdf", "/reports/summary-2024.pdf"},
      {"/a%20b", "/a%20b"},
      {"/users/@me", "/users/@me"},
      // API keys, with any characters around them.
      {"/k/" + key, "/k/{id}"},
      {"/k/" + key + "/x", "/k/{id}/x"},
      {"/k/key=" + key + ";x", "/k/{id}"},
      {"/k/" + key + "." + key, "/k/{id}"},
      {"/k/%20" + key + "%20", "/k/{id}"},
      {"/" + key + "?" + key, "/{id}"},
      {"/k/fc_live_" + std::string(28, 'a'), "/k/{id}"},
      {"/k/(fc_live_" + std::string(28, 'a') + ")", "/k/{id}"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.path);
    CHECK(endpoint_of("GET", row.path) == "GET " + row.endpoint);
  }
}

TEST_CASE("An endpoint keeps the method of the request") {
  CHECK(endpoint_of("DELETE", "/v1/leads/7") == "DELETE /v1/leads/{id}");
  CHECK(endpoint_of("get", "/") == "get /");
}

TEST_CASE("An endpoint of more than 256 bytes is counted with the others") {
  const std::string longest = "/" + std::string(251, 'x');
  CHECK(endpoint_of("GET", longest) == "GET " + longest);
  CHECK(endpoint_of("GET", longest + "x") == "(other)");
  CHECK(endpoint_of("POST", longest) == "(other)");
  CHECK(endpoint_of("GET", longest + "?" + std::string(1000, 'y')) == "GET " + longest);
  CHECK(endpoint_of("GET", longest + "/") == "(other)");
  CHECK(endpoint_of("GET", "/" + std::string(8191, 'x')) == "(other)");
  CHECK(endpoint_of("GET", std::string(8192, '/')) == "(other)");
  std::string deep;
  for (int i = 0; i < 1000; ++i) {
    deep += "/7";
  }
  CHECK(endpoint_of("GET", deep) == "(other)");
}

TEST_CASE("No endpoint contains an API key") {
  std::mt19937_64 random(20260301);
  const std::vector<std::string> pieces{std::string(kSomeApiKey),
                                        "/",
                                        "?",
                                        "#",
                                        "fc_live_",
                                        "a",
                                        "7",
                                        ".",
                                        "%",
                                        "fc_live_abcdefghijklmnopqrstuvwxyz01"};
  for (int i = 0; i < 5'000; ++i) {
    std::string path = "/";
    for (auto left = test::below(random, 8); left > 0; --left) {
      path += pieces[test::below(random, pieces.size())];
    }
    CAPTURE(path);
    REQUIRE_FALSE(contains_api_key(endpoint_of("GET", path)));
  }
}

TEST_CASE("A method is an HTTP token of at most 32 characters") {
  for (const std::string& method : std::vector<std::string>{
           "GET", "get", "M-SEARCH", "X", "!#$%&'*+-.^_`|~09azAZ", std::string(32, 'A')}) {
    CAPTURE(method);
    CHECK(check_method(method).has_value());
  }
  for (const std::string& method : std::vector<std::string>{"",
                                                            " ",
                                                            "GET ",
                                                            " GET",
                                                            "G ET",
                                                            "GET\r\n",
                                                            "GET/",
                                                            "GET(",
                                                            "GET)",
                                                            "GET,POST",
                                                            "G@T",
                                                            "G\"T",
                                                            "G:T",
                                                            "G;T",
                                                            "G<T",
                                                            "G=T",
                                                            "G?T",
                                                            "G[T",
                                                            "G\\T",
                                                            "G{T",
                                                            "G}T",
                                                            "G\x7FT",
                                                            "G\xC3\x89T",
                                                            std::string("GET\0", 4),
                                                            std::string(33, 'A'),
                                                            std::string(10'000, 'A')}) {
    CAPTURE(method.substr(0, 40));
    const auto checked = check_method(method);
    REQUIRE_FALSE(checked.has_value());
    CHECK(checked.error().code == ErrorCode::usage);
  }
}

TEST_CASE("A path begins with a slash and has visible ASCII characters only") {
  for (const std::string& path : std::vector<std::string>{
           "/", "//", "/a/b?c=d#e", "/%00", "/~!$&'()*+,;=:@[]", "/" + std::string(8191, 'x')}) {
    CAPTURE(path.substr(0, 40));
    CHECK(check_path(path).has_value());
  }
  for (const std::string& path : std::vector<std::string>{
           "", "a", "*", " /", "?/", "http://example.com/", "\\", "/a b", "/a\tb", "/a\r\nX: y",
           "/\x7F", "/\x1B[2J", "/\xC3\xA9", "/\xFF", std::string("/\0", 2),
           "/" + std::string(8192, 'x'), std::string(100'000, '/')}) {
    CAPTURE(path.substr(0, 40));
    const auto checked = check_path(path);
    REQUIRE_FALSE(checked.has_value());
    CHECK(checked.error().code == ErrorCode::usage);
    CHECK(checked.error().message.size() < 400);
  }
}

TEST_CASE("An error about a method or a path does not contain an API key") {
  const std::string key(kSomeApiKey);
  for (const std::string& text : {key, "x" + key, "/ " + key, key + "\n"}) {
    CAPTURE(text);
    CHECK_FALSE(contains_api_key(check_method(text).error().message));
    CHECK_FALSE(contains_api_key(check_path(text).error().message));
  }
}

}  // namespace
}  // namespace nexakey::core
