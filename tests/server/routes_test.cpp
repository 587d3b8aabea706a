// Requests in, responses out, on the model of a store.

#include "server/routes.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "core/json.h"
#include "server/log_entry.h"
#include "server/open_routes.h"
#include "server/permission.h"
#include "server/resolved.h"
#include "server/service.h"
#include "tests/store/memory_store.h"
#include "tests/support/stores.h"

namespace nexakey::server {
namespace {

using core::Role;
using Json = nlohmann::json;
using test::make_key;
using test::value_of;

RequestHead head(std::string method, std::string target, const std::string& bearer = "") {
  RequestHead head{.method = std::move(method),
                   .target = std::move(target),
                   .headers = {},
                   .peer = {.address = test::ip("192.0.2.7")}};
  if (!bearer.empty()) {
    head.headers.emplace_back("Authorization", "Bearer " + bearer);
  }
  return head;
}

/// A request that is not resolved yet.
HttpRequest request(std::string method, std::string target, const std::string& bearer = "",
                    std::string body = "") {
  return {.head = head(std::move(method), std::move(target), bearer),
          .resolved = {},
          .body = std::move(body)};
}

/// A store with a token of each role, and the service on it.
struct Fixture {
  std::shared_ptr<store::test::MemoryStore::Data> data = store::test::MemoryStore::make_data();
  store::test::MemoryStore store{data};
  std::vector<LogEntry> log;
  std::optional<std::string> served;

  std::string token(Role role, std::optional<std::string> workspace = {}, int n = 0) {
    const int number = static_cast<int>(role) * 2 + (workspace ? 1 : 0) + 10 * n;
    std::string text = "nxk_" + std::string(38, '0') + std::to_string(10 + number);
    core::Token token;
    token.id = core::TokenId(number + 1);
    token.name = "token-" + std::to_string(number);
    token.role = role;
    token.workspace = std::move(workspace);
    token.hash = core::hash_credential(text);
    token.last_four = core::last_four(text);
    token.created_at = test::at("2026-01-02");
    value_of(store.as(test::kTester).create_token(token));
    return text;
  }

  HttpResponse ask(HttpRequest request) {
    Service service({}, served);
    request.resolved = service.resolve(request.head);
    if (request.resolved.needs_token()) {
      admit(request.resolved,
            value_of(store.find_tokens({&*request.resolved.credential, 1})).front());
    }
    HttpResponse response = answer(service, request);
    log.push_back(describe(request, response));
    return response;
  }
  HttpResponse answer(const Service& service, const HttpRequest& request) {
    const Resolved& resolved = request.resolved;
    if (resolved.is_answered_at_once()) {
      return service.answer_at_once(resolved);
    }
    if (std::holds_alternative<Probe>(resolved.route->handler)) {
      return probe(&store);
    }
    const HttpRequest* const one = &request;
    return resolved.is_offloaded() ? service.call(store, request)
                                   : service.decide(store, {&one, 1}).responses.front();
  }
  Json ask_json(const HttpRequest& request) { return Json::parse(ask(request).body); }
};

std::string record(const core::Key& key) {
  std::string text;
  core::JsonWriter json(text);
  core::write_key_record(json, key, test::now());
  return text;
}

TEST_CASE("A path belongs to the most specific route") {
  struct Row {
    const char* method;
    const char* target;
    std::string route;  // or the status
    std::vector<std::string> parameters;
  };
  for (const Row& row :
       std::vector<Row>{{"GET", "/v1/keys", "/v1/keys", {}},
                        {"HEAD", "/v1/keys?limit=1", "/v1/keys", {}},
                        {"GET", "/v1/keys/key_x", "/v1/keys/{id}", {"key_x"}},
                        {"GET", "/v1/keys/a%2Fb", "/v1/keys/{id}", {"a/b"}},
                        {"POST", "/v1/keys/revoke", "/v1/keys/revoke", {}},
                        {"POST", "/v1/keys/purge", "/v1/keys/purge", {}},
                        {"POST", "/v1/keys/key_x/rotate", "/v1/keys/{id}/rotate", {"key_x"}},
                        {"POST", "/auth/envoy/v1/leads", "/auth/envoy{+path}", {"/v1/leads"}},
                        {"BREW", "/auth/envoy", "/auth/envoy{+path}", {""}},
                        {"GET", "/v1/keys/revoke", "405", {}},
                        {"DELETE", "/v1/keys/key_x", "405", {}},
                        {"POST", "/v1/keys/key_x", "405", {}},
                        {"HEAD", "/v1/verify", "405", {}},
                        {"GET", "/auth/envoyx", "404", {}},
                        {"GET", "/v1/keys/", "404", {}},
                        {"GET", "/v1/keys//rotate", "404", {}},
                        {"GET", "/v1/keys/a/b", "404", {}},
                        {"GET", "/v1/keys/%GG", "404", {}},
                        {"GET", "/v1/Keys", "404", {}},
                        {"GET", "//v1/keys", "404", {}},
                        {"GET", "", "404", {}}}) {
    CAPTURE(row.method);
    CAPTURE(row.target);
    const Resolved resolved = resolve(head(row.method, row.target), {});
    const int status = resolved.refusal ? resolved.refusal->status : 200;
    CHECK((status == 404 || status == 405 ? std::to_string(status)
                                          : std::string(resolved.route->path)) == row.route);
    CHECK(resolved.parameters == row.parameters);
  }
}

TEST_CASE("A token allows exactly the routes of its role") {
  Fixture fixture;
  for (const Role role : core::kRoles) {
    const std::string token = fixture.token(role);
    for (const Route& route : routes()) {
      if (!needs_token(route.permission)) {
        continue;
      }
      CAPTURE(route.method);
      CAPTURE(route.path);
      const HttpRequest with = request(std::string(route.method), std::string(route.path), token);
      CHECK((fixture.ask(with).status == 403) == !allows(role, route.permission));
      const HttpRequest without = request(std::string(route.method), std::string(route.path));
      CHECK(fixture.ask(without).status == 401);
    }
  }
}

TEST_CASE("A token of any role is told whose it is") {
  Fixture fixture;
  fixture.served = "sales";
  for (const Role role : core::kRoles) {
    const std::string token = fixture.token(role);
    const Json whoami = fixture.ask_json(request("GET", "/v1/whoami", token));
    CHECK(whoami["role"] == std::string(core::name_of(role)));
    CHECK(whoami["name"] == "token-" + std::to_string(static_cast<int>(role) * 2));
    CHECK(whoami["workspace"] == "sales");
    CHECK(whoami["expires_at"].is_null());
    CHECK(whoami["version"].is_string());
    CHECK(whoami.size() == 6);
  }
}

TEST_CASE("An auditor may ask about a key by its id, and a verifier about the keys that it gets") {
  Fixture fixture;
  const core::Key key = test::add(fixture.store, 1);
  const std::string by_id = R"({"key_id":")" + key.id.to_string() + "\"}";
  const std::string by_hash = R"({"key_hash":")" + core::to_hex(key.hash) + "\"}";
  const std::string unknown = R"({"key_id":")" + make_key(9).id.to_string() + "\"}";
  const auto status = [&](const std::string& token, const std::string& query,
                          const std::string& body) {
    return fixture.ask(request("POST", "/v1/verify" + query, token, body)).status;
  };
  for (const Role role : core::kRoles) {
    const std::string token = fixture.token(role);
    const bool may_read = role == Role::auditor || role == Role::admin;
    const bool may_decide = role == Role::verifier || role == Role::admin;
    CHECK(status(token, "?dry_run=true", by_id) == (may_read ? 200 : 403));
    CHECK(status(token, "?dry_run=true", "[" + by_id + "]") == (may_read ? 200 : 403));
    CHECK(status(token, "?dry_run=true", unknown) == (may_read ? 404 : 403));
    CHECK(status(token, "", by_id) == (may_read ? 400 : 403));
    CHECK(status(token, "?dry_run=true", by_hash) == (may_decide ? 200 : 403));
    CHECK(status(token, "", by_hash) == (may_decide ? 200 : 403));
    CHECK(status(token, "?dry_run=true", "[" + by_hash + "," + by_id + "]") ==
          (may_read && may_decide ? 200 : 403));
    // The key of another workspace does not exist.
    CHECK(status(fixture.token(role, "sales", 1), "?dry_run=true", by_id) ==
          (may_read ? 404 : 403));
  }
}

TEST_CASE("The audit log names the token of a change over HTTP") {
  Fixture fixture;
  const std::string token = fixture.token(Role::admin);
  const core::Key key = make_key(1);
  const std::string target = "/v1/keys/" + key.id.to_string();
  REQUIRE(fixture.ask(request("PUT", target, token, record(key))).status == 200);
  const Json log = fixture.ask_json(request("GET", "/v1/audit?action=create", token));
  REQUIRE(log["entries"].size() == 1);
  CHECK(log["entries"][0]["source"] == "192.0.2.7");
  const std::string actor = log["entries"][0]["actor"];
  CHECK(actor == "token-8 (" + core::TokenId(9).to_string() + ")");
  const Json head = fixture.ask_json(request("GET", "/v1/audit/head", token));
  CHECK(head["head"]["hash"] == log["entries"][0]["hash"]);
}

TEST_CASE("A rotation returns both keys, and the same when it is repeated") {
  Fixture fixture;
  const std::string token = fixture.token(Role::admin);
  const core::Key key = test::add(fixture.store, 1);
  const core::Key next = make_key(2);
  const std::string target = "/v1/keys/" + key.id.to_string() + "/rotate";
  std::string body;
  core::JsonWriter json(body);
  core::write_rotation(json, {.successor = next.id,
                              .hash = next.hash,
                              .last_four = next.last_four,
                              .created_at = test::now()});
  const HttpResponse first = fixture.ask(request("POST", target, token, body));
  REQUIRE(first.status == 200);
  const Json rotated = Json::parse(first.body);
  CHECK(rotated["key"]["id"] == next.id.to_string());
  CHECK(rotated["key"]["rotated_from"] == key.id.to_string());
  CHECK(rotated["previous"]["status"] == "revoked");
  CHECK(fixture.ask(request("POST", target, token, body)).body == first.body);
  CHECK(fixture
            .ask(request("POST", "/v1/keys/" + make_key(3).id.to_string() + "/rotate", token, body))
            .status == 404);
  fixture.served = "sales";
  CHECK(fixture.ask(request("POST", target, token, body)).status == 404);
}

TEST_CASE("The audit log of one workspace has only its entries") {
  Fixture fixture;
  const std::string everything = fixture.token(Role::auditor);
  const std::string sales = fixture.token(Role::auditor, "sales");
  core::Key key = make_key(1);
  key.workspace = "sales";
  test::add(fixture.store, key);
  test::add(fixture.store, 2);
  const auto entries = [&](const std::string& query, const std::string& token) {
    return fixture.ask_json(request("GET", "/v1/audit" + query, token))["entries"].size();
  };
  CHECK(entries("?action=create", everything) == 2);
  CHECK(entries("?action=create", sales) == 1);
  CHECK(fixture.ask(request("GET", "/v1/audit?workspace=default", sales)).status == 403);
  CHECK(fixture.ask(request("GET", "/v1/audit/head", sales)).status == 403);
  CHECK(entries("?limit=1", everything) == 1);
  CHECK(fixture.ask_json(request("GET", "/v1/audit?limit=1", everything))["next_cursor"] == 1);
  for (const char* const query :
       {"?limit=0", "?limit=1001", "?nonsense=1", "?after=x", "?last=0", "?last=x"}) {
    CAPTURE(query);
    CHECK(fixture.ask(request("GET", std::string("/v1/audit") + query, everything)).status == 400);
  }
}

TEST_CASE("The last entries of the audit log are one page unless a limit is given") {
  Fixture fixture;
  const std::string token = fixture.token(Role::auditor);
  const std::string other = fixture.token(Role::auditor, "sales");
  for (std::uint64_t n = 1; n <= 150; ++n) {
    test::add(fixture.store, n);
  }
  const auto entries = [&](const std::string& query) {
    const Json page = fixture.ask_json(request("GET", "/v1/audit" + query, token));
    std::vector<std::int64_t> numbers;
    for (const Json& entry : page["entries"]) {
      numbers.push_back(entry["number"]);
    }
    return std::make_pair(numbers, page["next_cursor"]);
  };
  const std::int64_t head = entries("?last=1").first.at(0);
  CHECK(entries("?last=2").first == std::vector{head - 1, head});
  CHECK(entries("?last=2").second.is_null());
  CHECK(entries("?last=120").first.size() == 120);
  CHECK(entries("?last=120").first.back() == head);
  CHECK(entries("?last=120").second.is_null());
  CHECK(entries("?last=5&limit=2").first == std::vector{head - 4, head - 3});
  CHECK(entries("?last=5&limit=2").second == head - 3);
  CHECK(entries("").first.size() == 100);
  // The token of a workspace sees its own creation, and nothing else.
  CHECK(fixture.ask_json(request("GET", "/v1/audit?last=5", other))["entries"].size() == 1);
}

TEST_CASE("A page that grows too long ends before its limit") {
  Fixture fixture;
  const std::string token = fixture.token(Role::auditor);
  std::string value;  // as long as one may be: 256 characters of 4 bytes
  for (int i = 0; i < 256; ++i) {
    value += "\U0001F600";
  }
  core::Labels labels;
  for (int i = 0; i < 64; ++i) {
    labels["label-" + std::to_string(i)] = value;
  }
  constexpr std::size_t kKeys = 70;
  for (std::uint64_t n = 1; n <= kKeys; ++n) {
    core::Key key = make_key(n);
    key.labels = labels;
    test::add(fixture.store, key);
  }
  const Json first = fixture.ask_json(request("GET", "/v1/keys?limit=1000", token));
  CHECK(first["keys"].size() < kKeys);
  CHECK(first["next_cursor"] == first["keys"].back()["id"]);
  const std::string after = first["next_cursor"];
  const Json second = fixture.ask_json(request("GET", "/v1/keys?limit=1000&after=" + after, token));
  CHECK(first["keys"].size() + second["keys"].size() == kKeys);
  CHECK(second["next_cursor"].is_null());
}

TEST_CASE("An export is a file, to be read in pieces") {
  Fixture fixture;
  const std::string token = fixture.token(Role::auditor);
  for (std::uint64_t n = 1; n <= 200; ++n) {
    test::add(fixture.store, n);
  }
  const HttpResponse response = fixture.ask(request("GET", "/v1/export", token));
  REQUIRE(response.status == 200);
  REQUIRE(response.file);
  std::string text;
  while (text.size() < response.file->size()) {
    const std::string piece = response.file->read(text.size(), 1000);
    REQUIRE(!piece.empty());
    text += piece;
  }
  CHECK(text == test::export_text(fixture.store));
  CHECK(response.file->read(text.size(), 1000).empty());
}

TEST_CASE("The contract needs no credential") {
  Fixture fixture;
  const HttpResponse response = fixture.ask(request("GET", "/openapi.json"));
  CHECK(response.status == 200);
  CHECK(response.body.empty());  // it is shared, not copied
  CHECK(Json::parse(response.static_body)["openapi"] == "3.1.0");
}

}  // namespace
}  // namespace nexakey::server
