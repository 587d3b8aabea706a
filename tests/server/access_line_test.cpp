#include "server/access_line.h"

#include <string>

#include <doctest/doctest.h>

namespace nexakey::server {
namespace {

const std::string kHeader = "<190>Nov 25 13:00:00 gateway nginx: ";
const std::string kLine =
    R"({"key_id":"key_0123456789ab","admitted":"200","status":502,"method":"GET","path":"/v1?a=1"})";

TEST_CASE("an upstream response to an admitted request is read") {
  for (const std::string& header : {kHeader, std::string("<190>Nov  5 13:00:00 nginx: "),
                                    std::string("<0>Jan 31 00:00:00 2001:db8::1 nginx_2: ")}) {
    CAPTURE(header);
    const auto answer = read_access_line(header + kLine);
    REQUIRE(answer);
    REQUIRE(*answer);
    CHECK((*answer)->key.to_string() == "key_0123456789ab");
    CHECK((*answer)->method == "GET");
    CHECK((*answer)->path == "/v1?a=1");
    CHECK((*answer)->status == 502);
  }
}

TEST_CASE("lines about requests that were not admitted are ignored") {
  for (const std::string line :
       {R"({"key_id":"","admitted":"401","status":401,"method":"GET","path":"/"})",
        R"({"key_id":"key_0123456789ab","admitted":"429","status":429,"method":"GET","path":"/"})",
        R"({"key_id":"","admitted":"","status":500,"method":"GET","path":"/"})"}) {
    CAPTURE(line);
    const auto answer = read_access_line(kHeader + line);
    REQUIRE(answer);
    CHECK(!*answer);
  }
}

TEST_CASE("everything else is malformed") {
  for (const std::string header :
       {"", "190>Nov 25 13:00:00 g nginx: ", "<192>Nov 25 13:00:00 g nginx: ",
        "<>Nov 25 13:00:00 g nginx: ", "<01>Nov 25 13:00:00 g nginx: ",
        "<-1>Nov 25 13:00:00 g nginx: ", "<190>Nix 25 13:00:00 g nginx: ",
        "<190>ovD 25 13:00:00 g nginx: ", "<190>Nov 5 13:00:00 g nginx: ",
        "<190>Nov 25 13:00 g nginx: ", "<190>Nov 25 13:00:00  nginx: ",
        "<190>Nov 25 13:00:00 g ng-inx: ", "<190>Nov 25 13:00:00 g nginx:", "<190>",
        "<190>Nov 25 13:00:00 g a23456789012345678901234567890123: "}) {
    CAPTURE(header);
    CHECK(!read_access_line(header + kLine));
  }
  for (const std::string line :
       {"", "{}", "[]", "null", "{", R"({"admitted":200})", R"({"admitted":"200"})",
        R"({"key_id":"key_0123456789ab","status":502,"method":"GET","path":"/"})",
        R"({"key_id":"key_0","admitted":"200","status":502,"method":"GET","path":"/"})",
        R"({"key_id":"key_0123456789ab","admitted":"200","status":0,"method":"GET","path":"/"})",
        R"({"key_id":"key_0123456789ab","admitted":"200","status":"502","method":"GET"})",
        R"({"key_id":"key_0123456789ab","admitted":"200","status":502,"path":"v1"})",
        R"({"key_id":"key_0123456789ab","admitted":"200","status":502,"method":"G T"})",
        R"({"key_id":"key_0123456789ab","admitted":"200","status":502,"more":1})",
        R"({"admitted":"200","admitted":"401","status":502})"}) {
    CAPTURE(line);
    CHECK(!read_access_line(kHeader + line));
  }
  CHECK(!read_access_line(kHeader + kLine + kLine));
}

}  // namespace
}  // namespace nexakey::server
