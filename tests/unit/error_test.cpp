#include "core/error.h"

#include <string_view>

#include <doctest/doctest.h>

namespace nexakey::core {
namespace {

TEST_CASE("Every error code has its own name in JSON") {
  struct Row {
    ErrorCode code;
    std::string_view name;
  };
  for (const Row& row :
       {Row{ErrorCode::failed, "failed"}, Row{ErrorCode::usage, "usage"},
        Row{ErrorCode::not_found, "not_found"}, Row{ErrorCode::ambiguous, "ambiguous"},
        Row{ErrorCode::conflict, "conflict"},
        Row{ErrorCode::confirmation_required, "confirmation_required"},
        Row{ErrorCode::store_unavailable, "store_unavailable"},
        Row{ErrorCode::outcome_unknown, "outcome_unknown"},
        Row{ErrorCode::forbidden, "forbidden"}}) {
    CHECK(name_of(row.code) == row.name);
  }
}

TEST_CASE("A failure has its code, message and hint in the result") {
  const Result<int> result = fail(ErrorCode::conflict, "it is there", "remove it");
  REQUIRE_FALSE(result.has_value());
  CHECK(result.error().code == ErrorCode::conflict);
  CHECK(result.error().message == "it is there");
  CHECK(result.error().hint == "remove it");
}

TEST_CASE("A rejection is a usage error and needs no hint") {
  const Result<int> result = reject("bad");
  REQUIRE_FALSE(result.has_value());
  CHECK(result.error().code == ErrorCode::usage);
  CHECK(result.error().hint.empty());
}

}  // namespace
}  // namespace nexakey::core
