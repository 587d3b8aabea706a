#include "cli/audit_words.h"

#include <string>

#include <doctest/doctest.h>

namespace nexakey::cli {
namespace {

std::string words(const std::string& action, const std::string& details) {
  return words_of({.action = action, .details = details});
}

TEST_CASE("A change says what was and what is") {
  CHECK(words("edit", R"({"rate_limit":{"from":100,"to":7}})") == "rate limit 100 → 7");
  CHECK(words("edit", R"({"scopes":{"from":["read"],"to":["read","write"]}})") ==
        "scopes read → read,write");
  CHECK(words("edit", R"({"expires_at":{"from":null,"to":"2027-01-01T00:00:00.000Z"}})") ==
        "expires none → 2027-01-01T00:00:00.000Z");
  CHECK(words("edit", R"({"suspended_at":{"from":"2027-01-01T00:00:00.000Z","to":null}})") ==
        "suspended 2027-01-01T00:00:00.000Z → none");
  CHECK(words("edit", R"({"labels":{"from":{},"to":{"env":"prod","team":"crm"}}})") ==
        "labels none → env=prod,team=crm");
  CHECK(words("edit", R"({"name":{"from":"crm","to":"other"},"rate_limit":{"from":1,"to":2}})") ==
        "name crm → other; rate limit 1 → 2");
}

TEST_CASE("A whitelist has gained and lost addresses") {
  CHECK(words("whitelist", R"({"whitelist":{"added":["203.0.113.0/24"],"removed":[]}})") ==
        "whitelist + 203.0.113.0/24");
  CHECK(words("whitelist",
              R"({"whitelist":{"added":["::1","192.0.2.1"],"removed":["10.0.0.0/8"]}})") ==
        "whitelist + ::1,192.0.2.1 - 10.0.0.0/8");
}

TEST_CASE("A new key or token is described without what is in other columns") {
  CHECK(words("create", R"({"created_at":"2026-01-02T03:04:05.678Z","name":"crm",)"
                        R"("rate_limit":100,"scopes":["read"],"whitelist":["192.0.2.1"]})") ==
        "rate limit 100; scopes read; whitelist 192.0.2.1");
  CHECK(words("token_create", R"({"created_at":"2026-01-02T03:04:05.678Z","name":"ci",)"
                              R"("role":"verifier"})") == "role verifier");
}

TEST_CASE("The end of a key or token has its reason") {
  const std::string revoked = R"("revoked_at":{"from":null,"to":"2026-01-02T03:04:05.678Z"})";
  CHECK(words("revoke", R"({"revoke_reason":{"from":null,"to":"laptop stolen"},)" + revoked +
                            "}") == R"(reason "laptop stolen")");
  CHECK(words("revoke", "{" + revoked + "}") == "-");
  CHECK(words("token_revoke", "{" + revoked + "}") == "-");
  CHECK(words("rotate", R"({"superseded_by":{"from":null,"to":"key_0123456789ab"}})") ==
        "superseded by key_0123456789ab");
  CHECK(words("purge", R"({"name":"crm","revoked_at":"2026-01-02T03:04:05.678Z"})") ==
        "revoked at 2026-01-02T03:04:05.678Z");
}

TEST_CASE("Counts of an import and a restore") {
  CHECK(words("import",
              R"({"keys":{"added":3,"changed":1},"tokens":{"added":0,"changed":0},)"
              R"("usage":{"added":2,"changed":0}})") == "keys 3 added 1 changed; usage 2 added");
  CHECK(words("restore", R"({"purged_keys":0,"revoked_keys":2})") ==
        "purged keys 0; revoked keys 2");
}

TEST_CASE("Text that someone chose cannot look like other words") {
  CHECK(words("edit", R"({"name":{"from":"a","to":"b; scopes read → write"}})") ==
        R"(name a → "b; scopes read → write")");
  CHECK(words("edit", R"({"labels":{"from":{"a":"b,c=d"},"to":{"a":""}}})") ==
        R"(labels a="b,c=d" → a="")");
  CHECK(words("revoke", R"({"revoke_reason":{"from":null,"to":"\u001b[2J"}})") ==
        R"(reason "\u001b[2J")");
}

TEST_CASE("What is not known is shown all the same") {
  CHECK(words("edit", R"({"new_member":{"from":true,"to":{"a":[1,2]}}})") ==
        "new member true → a=1,2");
  CHECK(words("edit", "nonsense") == "nonsense");
  CHECK(words("edit", "[1]") == "[1]");
  CHECK(words("edit", R"({"whitelist":{"added":1,"removed":null}})") == "whitelist + 1");
  CHECK(words("edit", "{}") == "-");
}

TEST_CASE("The details can have the name of the subject") {
  const auto name = [](const std::string& details) { return name_in({.details = details}); };
  CHECK(name(R"({"name":"crm"})") == "crm");
  CHECK(name(R"({"name":{"from":"crm","to":"other"}})") == "other");
  CHECK(name(R"({"name":7})").empty());
  CHECK(name(R"({"rate_limit":7})").empty());
  CHECK(name("nonsense").empty());
}

}  // namespace
}  // namespace nexakey::cli
