#include "core/token.h"

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "tests/unit/support.h"

namespace nexakey::core {
namespace {

using test::at;

const Time kCheckedAt = at("2026-06-01T12:00:00Z");
constexpr std::chrono::milliseconds kMoment(1);

Token edge_token() {
  Token token;
  token.id = TokenId(7);
  token.name = "edge";
  token.last_four = "wxyz";
  token.created_at = at("2026-01-01");
  return token;
}

TEST_CASE("Each role has one name") {
  struct Row {
    Role role;
    std::string_view name;
  };
  for (const Row& row : {Row{Role::verifier, "verifier"}, Row{Role::auditor, "auditor"},
                         Row{Role::admin, "admin"}}) {
    CAPTURE(row.name);
    CHECK(name_of(row.role) == row.name);
    CHECK(parse_role(row.name) == row.role);
  }
  for (const std::string& name : std::vector<std::string>{
           "", "Admin", "ADMIN", " admin", "admin ", "admins", "root", std::string("admin\0", 6)}) {
    CAPTURE(name);
    CHECK_FALSE(parse_role(name).has_value());
  }
}

TEST_CASE("A token is expired from its expiry on") {
  struct Row {
    std::optional<Time> expires_at;
    std::optional<Time> revoked_at;
    std::string_view status;
  };
  for (const Row& row :
       {Row{std::nullopt, std::nullopt, "active"},
        Row{kCheckedAt + kMoment, std::nullopt, "active"}, Row{kCheckedAt, std::nullopt, "expired"},
        Row{kCheckedAt - kMoment, std::nullopt, "expired"},
        Row{std::nullopt, kCheckedAt, "revoked"}, Row{kCheckedAt + kMoment, kCheckedAt, "revoked"},
        Row{kCheckedAt, kCheckedAt - kMoment, "revoked"},
        // Regardless of the clock of the store that revoked it.
        Row{std::nullopt, kCheckedAt + kMoment, "revoked"}}) {
    CAPTURE(row.status);
    Token token = edge_token();
    token.expires_at = row.expires_at;
    token.revoked_at = row.revoked_at;
    CHECK(token.status(kCheckedAt) == row.status);
    CHECK(token.is_active(kCheckedAt) == (row.status == "active"));
  }
}

TEST_CASE("A token from outside is checked completely") {
  struct Row {
    std::string name;
    std::optional<std::string> workspace;
    std::string last_four;
    bool passes;
  };
  const std::string id = edge_token().id.to_string();
  const std::vector<Row> rows{
      {"edge", std::nullopt, "wxyz", true},
      {"Zoë's", "acme", "0aZ9", true},
      {id, std::nullopt, "wxyz", true},
      {"", std::nullopt, "wxyz", false},
      {"a\x1B", std::nullopt, "wxyz", false},
      {std::string(65, 'x'), std::nullopt, "wxyz", false},
      {"--all", std::nullopt, "wxyz", false},
      {std::string(test::kSomeApiKey), std::nullopt, "wxyz", false},
      {"edge", "", "wxyz", false},
      {"edge", "a b", "wxyz", false},
      {"edge", ".hidden", "wxyz", false},
      {"edge", std::nullopt, "", false},
      {"edge", std::nullopt, "xyz", false},
      {"edge", std::nullopt, "vwxyz", false},
      {"edge", std::nullopt, "wx\x1Bz", false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    CAPTURE(row.last_four);
    Token token = edge_token();
    token.name = row.name;
    token.workspace = row.workspace;
    token.last_four = row.last_four;
    const auto checked = check_token(token);
    CHECK(checked.has_value() == row.passes);
    if (!checked) {
      CHECK(checked.error().code == ErrorCode::usage);
      CHECK_FALSE(contains_credential(checked.error().message));
    }
  }
}

}  // namespace
}  // namespace nexakey::core
