// Random sequences of commands on a backend and on the model have the same results.

#include <algorithm>
#include <random>

#include "tests/store/conformance.h"

namespace nexakey::store::test {
namespace {

using core::Key;
using core::KeyFilter;

constexpr std::uint64_t kModelKeys = 12;
constexpr int kSteps = 400;

/// Random commands from a seed, each on both stores.
class Player {
 public:
  Player(Backend backend, std::uint64_t seed) : random_(seed), stores_(backend) {}

  void step() {
    switch (below(10)) {
      case 0:
      case 1:
        return create();
      case 2:
        return update();
      case 3:
        return revoke();
      case 4:
        return list_some();
      case 5:
        return report_usage();
      case 6:
        return rotate();
      default:
        return verify();
    }
  }

  /// Both have the same entries in the audit log.
  void compare_logs() {
    auto ours = read_log(store());
    auto theirs = read_log(model_);
    if (stores_.fixture.has_own_clock()) {
      forget_circumstances(ours);
      forget_circumstances(theirs);
    }
    CHECK(ours == theirs);
  }

 private:
  std::uint64_t below(std::uint64_t end) { return random_() % end; }
  bool chance(std::uint64_t one_in) { return below(one_in) == 0; }

  template <typename T>
  T pick(const std::vector<T>& values) {
    return values[below(values.size())];
  }

  /// The store to use: one of two connections.
  KeyStore& store() { return chance(2) ? *stores_.first : *stores_.second; }

  Key some_key() {
    Key key = make_key(below(kModelKeys));
    key.name = pick<std::string>({"crm", "billing", "cron"});
    key.workspace = pick<std::string>({"default", "sales"});
    key.created_at = at("2026-01-01") + std::chrono::seconds(below(3));
    key.rate_limit = pick<std::uint32_t>({1, 5, 20, 100, 150});
    key.scopes = pick<core::Scopes>({scopes("read"), scopes("write"), scopes("read,write")});
    if (chance(2)) {
      key.limits = value_of(
          core::Limits::from_text(pick<std::string>({"3/1h", "10/10m 30/1h", "4/5m 20/10m 50/1h",
                                                     "5/day", "12/day 15/month", "9/1h 7/month"})));
    }
    if (chance(3)) {
      key.whitelist = pick<core::Whitelist>(whitelists_);
    }
    if (chance(4)) {
      key.expires_at = pick<core::Time>({at("2026-02-02"), at("2999-01-01")});
    }
    if (chance(4)) {
      key.hash = make_key(below(kModelKeys)).hash;
    }
    return key;
  }

  core::Request some_request() {
    core::Request request = test::request(below(kModelKeys + 1), pick<std::string>(methods_),
                                          pick<std::string>({"/", "/v1/leads/7", "/v1/deals"}));
    if (chance(2)) {
      request.ip = ip(pick<std::string>({"192.0.2.1", "198.51.100.1", "::1"}));
    }
    if (chance(6)) {
      request.workspace = pick<std::string>({"default", "sales"});
    }
    if (chance(20)) {
      core::set_credential(request, pick<std::string>({"", "malformed"}));
    }
    return request;
  }

  core::KeyChange some_change() {
    core::KeyChange change;
    switch (below(7)) {
      case 6:
        // A window that is added would have more of its past in the model.
        change.limits = {pick<core::LimitChange>({{core::Window::day, 6},
                                                  {core::Window::day, std::nullopt},
                                                  {core::Window::month, 20},
                                                  {core::Window::month, std::nullopt},
                                                  {core::Window::hour, std::nullopt}})};
        break;
      case 0:
        change.name = pick<std::string>({"crm", "new"});
        break;
      case 1:
        change.scopes = pick<core::Scopes>({scopes("read"), scopes("read,write")});
        break;
      case 2:
        change.rate_limit = pick<std::uint32_t>({1, 10, 100, 300});
        break;
      case 3:
        change.suspended = chance(2);
        break;
      case 4:
        change.allow = pick<core::Whitelist>(whitelists_);
        break;
      default:
        change.disallow = pick<core::Whitelist>(whitelists_);
        change.may_open = chance(2);
    }
    return change;
  }

  void create() {
    const Key key = some_key();
    const CreateMode mode = chance(3) ? CreateMode::unless_named : CreateMode::always;
    const core::Time time = now();
    compare("create", store().as(kTester).create(key, mode, time),
            model_.as(kTester).create(key, mode, time));
  }

  void update() {
    const core::KeyId id = make_key(below(kModelKeys)).id;
    const core::KeyChange change = some_change();
    const core::Time time = now();
    compare("update", store().as(kTester).update(id, change, time),
            model_.as(kTester).update(id, change, time));
  }

  void revoke() {
    if (!chance(4)) {
      return;
    }
    const std::vector ids{make_key(below(kModelKeys)).id, make_key(below(kModelKeys)).id};
    const core::Time time = now();
    compare("revoke", store().as(kTester).revoke(ids, "leaked", time),
            model_.as(kTester).revoke(ids, "leaked", time));
  }

  void rotate() {
    const core::KeyId id = make_key(below(kModelKeys)).id;
    const Key successor = make_key(below(kModelKeys) + (chance(2) ? kModelKeys : 0));
    core::Rotation rotation{.successor = successor.id,
                            .hash = successor.hash,
                            .last_four = successor.last_four,
                            .created_at = at("2026-01-01"),
                            .grace = std::chrono::hours(below(2))};
    if (chance(3)) {
      rotation.expires_at = pick<core::Time>({at("2026-02-02"), at("2999-01-01")});
    }
    const core::Time time = now();
    compare("rotate", store().as(kTester).rotate(id, rotation, time),
            model_.as(kTester).rotate(id, rotation, time));
  }

  void list_some() {
    KeyFilter filter;
    if (chance(2)) {
      filter.workspace = pick<std::string>({"default", "sales"});
    }
    if (chance(3)) {
      filter.name = "crm";
    }
    if (chance(3)) {
      filter.status = pick<core::KeyStatus>({core::KeyStatus::active, core::KeyStatus::revoked});
    }
    if (chance(4)) {
      filter.unused_since = now() - std::chrono::hours(1);
    }
    const std::size_t limit = 1 + below(6);
    const core::Time time = now();
    CHECK(read_pages(store(), filter, limit, time) == read_pages(model_, filter, limit, time));
    CHECK(value_of(store().workspaces()) == value_of(model_.workspaces()));
  }

  /// The stores read the clock one after the other, the server reads its own.
  void forget_moments(Key& key) const {
    for (auto* const moment : {&key.last_use.at, &key.suspended_at, &key.revoked_at}) {
      if (*moment && (stores_.fixture.has_own_clock() || moment == &key.last_use.at)) {
        *moment = core::Time();
      }
    }
    if (stores_.fixture.has_own_clock() && key.superseded_by) {
      key.expires_at.reset();  // with the grace, which begins when the server says
    }
  }

  std::vector<Key> read_pages(KeyStore& store, const KeyFilter& filter, std::size_t limit,
                              core::Time time) {
    std::vector<Key> keys;
    Page page{.limit = limit};
    do {
      page.after = value_of(store.list(filter, page, time, [&](Key key) {
        forget_moments(key);
        keys.push_back(std::move(key));
        return true;
      }));
    } while (page.after);
    return keys;
  }

  void verify() {
    std::vector<core::Request> requests(1 + below(chance(5) ? 100 : 3));
    std::ranges::generate(requests, [&] { return some_request(); });
    VerifyOptions options;
    options.counting = chance(5) ? Counting::dry_run : Counting::counted;
    const auto ours = value_of(store().verify(requests, options));
    const auto theirs = value_of(model_.verify(requests, options));
    REQUIRE(ours.size() == theirs.size());
    for (std::size_t i = 0; i < ours.size(); ++i) {
      const core::Decision& a = ours[i].decision;
      const core::Decision& b = theirs[i].decision;
      CHECK(name_of(a.reason) == name_of(b.reason));
      CHECK(a.key_id == b.key_id);
      CHECK(a.workspace == b.workspace);
      REQUIRE(a.rate_limit.has_value() == b.rate_limit.has_value());
      if (a.rate_limit) {
        CHECK(a.rate_limit->limit == b.rate_limit->limit);
        CHECK(a.rate_limit->remaining == b.rate_limit->remaining);
      }
      REQUIRE(a.limits.size() == b.limits.size());
      for (std::size_t n = 0; n < a.limits.size(); ++n) {
        CHECK(a.limits[n].limit == b.limits[n].limit);
        CHECK(a.limits[n].remaining == b.limits[n].remaining);
      }
    }
  }

  void report_usage() {
    core::UsageQuery query;
    query.by = chance(2) ? core::Grouping::endpoint : core::Grouping::status;
    if (chance(2)) {
      query.key = make_key(below(kModelKeys)).id;
    }
    if (chance(2)) {
      query.workspace = pick<std::string>({"default", "sales"});
    }
    const auto ours = report(store(), query);
    const auto theirs = report(model_, query);
    CHECK(ours.total == theirs.total);
    CHECK(ours.groups == theirs.groups);
  }

  void forget_last_use(Key& key) const {
    key.last_use = {};
    forget_moments(key);
  }
  void forget_last_use(std::optional<core::Rotated>& rotated) const {
    if (rotated) {
      forget_last_use(rotated->successor);
      forget_last_use(rotated->previous);
    }
  }
  void forget_last_use(std::optional<Key>& key) const {
    if (key) {
      forget_last_use(*key);
    }
  }
  void forget_last_use(std::vector<Key>& keys) const {
    for (Key& key : keys) {
      forget_last_use(key);
    }
  }

  template <typename T>
  void compare(std::string_view command, Result<T> ours, Result<T> theirs) const {
    CAPTURE(command);
    CHECK(code_of(ours) == code_of(theirs));
    if (ours && theirs) {
      // Only lists have it up to date.
      forget_last_use(*ours);
      forget_last_use(*theirs);
      CHECK(*ours == *theirs);
    }
  }

  /// Removes what depends on the server: its clock and the name of its token.
  static void forget_circumstances(std::vector<core::AuditEntry>& entries) {
    for (core::AuditEntry& entry : entries) {
      entry = {.number = entry.number,
               .action = entry.action,
               .workspace = entry.workspace,
               .subject = entry.subject};
    }
  }

  static std::vector<core::AuditEntry> read_log(KeyStore& store) {
    std::vector<core::AuditEntry> entries;
    value_of(store.audit({}, SIZE_MAX, [&](const core::AuditEntry& entry) {
      entries.push_back(entry);
      return true;
    }));
    return entries;
  }

  std::mt19937_64 random_;
  Stores stores_;
  MemoryStore model_{MemoryStore::make_data()};
  std::vector<core::Whitelist> whitelists_{whitelist({"192.0.2.1"}),
                                           whitelist({"192.0.2.0/24", "::1"})};
  std::vector<std::string> methods_{"GET", "GET", "POST", "TRACE"};
};

STORE_TEST("every store behaves like the model", SqliteFixture, UnixFixture, PostgresFixture) {
  for (const std::uint64_t seed : {1U, 2U, 3U, 20260102U}) {
    INFO("seed ", seed);
    Player player(backend, seed);
    for (int step = 0; step < kSteps; ++step) {
      CAPTURE(step);
      player.step();
    }
    player.compare_logs();
  }
}

}  // namespace
}  // namespace nexakey::store::test
