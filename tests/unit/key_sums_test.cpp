#include "core/key_sums.h"

#include <functional>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "tests/unit/support.h"

namespace nexakey::core {
namespace {

using test::at;
using test::some_key;

TEST_CASE("Sums count each key by its status, and the active ones that need attention") {
  const Time now = at("2026-06-01T12:00:00Z");
  struct Row {
    std::string name;
    std::function<void(Key&)> change;
    KeyStatus status;
    std::uint64_t expiring;
    std::uint64_t expiring_soon;
    std::uint64_t unused;
    std::uint64_t superseded;
  };
  using enum KeyStatus;
  const std::vector<Row> rows{
      {"used", [](Key&) {}, active, 0, 0, 0, 0},
      {"never used", [](Key& k) { k.last_use.at.reset(); }, active, 0, 0, 1, 0},
      {"new",
       [](Key& k) {
         k.last_use.at.reset();
         k.created_at = at("2026-05-30");
       },
       active, 0, 0, 0, 0},
      {"used long ago", [](Key& k) { k.last_use.at = at("2026-03-01"); }, active, 0, 0, 1, 0},
      {"expires tomorrow", [](Key& k) { k.expires_at = at("2026-06-02"); }, active, 1, 1, 0, 0},
      {"expires this month", [](Key& k) { k.expires_at = at("2026-06-20"); }, active, 1, 0, 0, 0},
      {"expires later", [](Key& k) { k.expires_at = at("2026-08-01"); }, active, 0, 0, 0, 0},
      {"in the grace of a rotation",
       [](Key& k) {
         k.expires_at = at("2026-06-02");
         k.superseded_by = KeyId(1);
       },
       active, 1, 0, 0, 1},
      {"expired", [](Key& k) { k.expires_at = at("2026-05-31"); }, expired, 0, 0, 0, 0},
      {"suspended", [](Key& k) { k.suspended_at = at("2026-05-31"); }, suspended, 0, 0, 0, 0},
      {"revoked",
       [](Key& k) {
         k.revoked_at = at("2026-05-31");
         k.last_use.at.reset();
       },
       revoked, 0, 0, 0, 0},
      {"damaged", [](Key& k) { k.is_damaged = true; }, damaged, 0, 0, 0, 0},
  };
  KeySums all;
  for (const Row& row : rows) {
    CAPTURE(row.name);
    Key key = some_key();
    key.created_at = at("2026-01-02");
    key.last_use.at = at("2026-05-31");
    row.change(key);
    KeySums sums;
    sums.add(key, now);
    CHECK(sums.with_status(row.status) == 1);
    CHECK(sums.expiring == row.expiring);
    CHECK(sums.expiring_soon == row.expiring_soon);
    CHECK(sums.unused == row.unused);
    CHECK(sums.superseded == row.superseded);
    all.add(key, now);
  }
  CHECK(all.with_status(active) == 8);
  CHECK(all.with_status(revoked) == 1);
  CHECK(all.expiring == 3);
}

}  // namespace
}  // namespace nexakey::core
