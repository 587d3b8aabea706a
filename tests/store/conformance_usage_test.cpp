// usage: the counts of verify.

#include "core/endpoint.h"
#include "tests/store/conformance.h"

namespace nexakey::store::test {
namespace {

using core::Counts;
using core::Grouping;
using core::Key;

/// All groups of a report as one count.
Counts sum(const core::UsageReport& report) {
  Counts sum;
  for (const core::UsageGroup& group : report.groups) {
    sum.add(group.counts);
  }
  return sum;
}

STORE_TEST("totals have errors and rate-limit hits", STORE_FIXTURES) {
  Stores stores(backend);
  Key key = make_key(1);
  key.rate_limit = 5;
  key.scopes = scopes("read");
  add(*stores.first, key);
  const core::Time before = now();
  CHECK(admitted(*stores.first, request(1), 7) == 5);
  CHECK(admitted(*stores.second, request(1, "POST"), 3) == 0);
  const Counts expected{.requests = 10, .denied = 5, .rate_limited = 2};
  const auto usage = report(*stores.second);
  CHECK(usage.total == expected);
  CHECK(usage.error_rate() == doctest::Approx(0.5));
  if (core::start_of_day(before) == core::start_of_day(now())) {
    CHECK(usage.today == expected);
    CHECK(usage.this_week == expected);
    CHECK(usage.this_month == expected);
  }
}

STORE_TEST("two reports are the same", STORE_FIXTURES) {
  Stores stores(backend);
  add(*stores.first, 1);
  CHECK(admitted(*stores.first, request(1), 3) == 3);
  for (int i = 0; i < 3; ++i) {
    CHECK(report(*stores.first).total.requests == 3);
    CHECK(report(*stores.second).total.requests == 3);
  }
  CHECK(admitted(*stores.second, request(1), 2) == 2);
  CHECK(report(*stores.first).total.requests == 5);
}

STORE_TEST("counts are grouped as requested", STORE_FIXTURES) {
  Stores stores(backend);
  Key key = make_key(1);
  key.rate_limit = 4;
  add(*stores.first, key);
  CHECK(admitted(*stores.first, request(1, "GET", "/v1/leads/7?page=2"), 2) == 2);
  CHECK(admitted(*stores.second, request(1, "GET", "/v1/leads/8#top"), 1) == 1);
  CHECK(admitted(*stores.second, request(1, "POST", "/v1/leads"), 3) == 1);
  const Counts total{.requests = 6, .denied = 2, .rate_limited = 2};

  const auto by_endpoint = report(*stores.first, {.by = Grouping::endpoint});
  CHECK(by_endpoint.total == total);
  CHECK(by_name(by_endpoint) ==
        std::map<std::string, Counts>{
            {"GET /v1/leads/{id}", {.requests = 3}},
            {"POST /v1/leads", {.requests = 3, .denied = 2, .rate_limited = 2}}});

  const auto by_status = report(*stores.first, {.by = Grouping::status});
  CHECK(by_name(by_status) ==
        std::map<std::string, Counts>{{"200", {.requests = 4}},
                                      {"429", {.requests = 2, .denied = 2, .rate_limited = 2}}});

  for (const Grouping by : {Grouping::day, Grouping::hour}) {
    const auto by_time = report(*stores.second, {.by = by});
    CHECK(by_time.by == by);
    CHECK(sum(by_time) == total);
    const std::string today = core::format_time(now()).substr(0, 10);
    CHECK(by_time.groups.back().name.substr(0, 10) <= today);
  }
}

STORE_TEST("counts can be limited to a key or a workspace", STORE_FIXTURES) {
  Stores stores(backend);
  for (std::uint64_t n = 1; n <= 3; ++n) {
    Key key = make_key(n);
    key.workspace = n == 3 ? "sales" : "default";
    add(*stores.first, key);
    CHECK(admitted(*stores.first, request(n), n) == n);
  }
  const auto total = [&](const core::UsageQuery& query) {
    return report(*stores.second, query).total.requests;
  };
  CHECK(total({}) == 6);
  CHECK(total({.workspace = "default"}) == 3);
  CHECK(total({.workspace = "sales"}) == 3);
  CHECK(total({.workspace = "none"}) == 0);
  CHECK(total({.key = make_key(2).id}) == 2);
  CHECK(total({.key = make_key(2).id, .workspace = "default"}) == 2);
  CHECK(total({.key = make_key(2).id, .workspace = "sales"}) == 0);
  CHECK(total({.key = make_key(99).id}) == 0);
}

STORE_TEST("a report begins at the requested time", STORE_FIXTURES) {
  Stores stores(backend);
  add(*stores.first, 1);
  CHECK(admitted(*stores.first, request(1), 3) == 3);
  const auto later = report(*stores.first, {.since = now() + std::chrono::hours(2)});
  CHECK(later.total == Counts{});
  CHECK(later.groups.empty());
  CHECK(report(*stores.first, {.since = at("1970-01-01")}).total.requests == 3);
  CHECK(report(*stores.first, {.since = long_ago()}).total.requests == 3);
}

STORE_TEST("counts of a revoked key stay and continue", STORE_FIXTURES) {
  Stores stores(backend);
  const Key key = add(*stores.first, 1);
  CHECK(admitted(*stores.first, request(1), 3) == 3);
  value_of(stores.first->as(kTester).revoke(std::vector{key.id}, "", now()));
  CHECK(admitted(*stores.second, request(1), 2) == 0);
  CHECK(report(*stores.second).total == Counts{.requests = 5, .denied = 2});
}

STORE_TEST("a key has 256 endpoints a day and the rest counts as other", STORE_FIXTURES) {
  Stores stores(backend);
  add(*stores.first, 1);
  add(*stores.first, 2);
  const core::Time before = now();
  const auto ask = [&](KeyStore& store, std::uint64_t key, int first, int last) {
    std::vector<core::Request> requests;
    for (int i = first; i < last; ++i) {
      requests.push_back(request(key, "GET", "/path-" + std::to_string(i)));
    }
    value_of(store.verify(requests, {}));
  };
  // Paths that are counted as others anyway take no place.
  value_of(stores.first->verify(std::vector{request(1, "GET", "/" + std::string(300, 'x'))}, {}));
  ask(*stores.first, 1, 0, 200);
  CHECK(report(*stores.second).groups.size() == 201);
  ask(*stores.second, 1, 100, 300);
  ask(*stores.first, 2, 300, 310);
  const auto usage = report(*stores.first, {.key = make_key(1).id});
  CHECK(usage.total.requests == 401);
  CHECK(sum(usage).requests == 401);
  if (core::start_of_day(before) != core::start_of_day(now())) {
    return;
  }
  CHECK(usage.groups.size() == 257);
  CHECK(by_name(usage).at(std::string(core::kOtherEndpoints)).requests == 45);
  CHECK(by_name(usage).at("GET /path-150").requests == 2);
  ask(*stores.first, 1, 1000, 1005);
  CHECK(by_name(report(*stores.first, {.key = make_key(1).id}))
            .at(std::string(core::kOtherEndpoints))
            .requests == 50);
  CHECK(report(*stores.first, {.key = make_key(2).id}).groups.size() == 10);
}

STORE_TEST("a list says when a key was last used", STORE_FIXTURES) {
  Stores stores(backend);
  add(*stores.first, 1);
  add(*stores.first, 2);
  const core::Time before = now();
  CHECK(reason(*stores.first, request(1)) == "allowed");
  const core::Time after = now();
  const auto used = list(*stores.second).at(1).last_use.at;
  REQUIRE(used);
  CHECK(*used >= before);
  CHECK(*used <= after);
  CHECK(list(*stores.first).at(0).last_use.at == std::nullopt);

  const core::Time later = now();
  CHECK(reason(*stores.second, request(1, "TRACE")) == "insufficient_scope");
  CHECK(list(*stores.first).at(1).last_use.at >= later);
}

STORE_TEST("a last use is the time and the address of one decision", STORE_FIXTURES) {
  Stores stores(backend);
  add(*stores.first, 1);
  const auto ask_from = [&](KeyStore& store, const char* method, const char* address) {
    auto asked = request(1, method);
    asked.ip = core::IpAddress::parse(address);
    return reason(store, asked);
  };
  const auto last_use = [&] { return list(*stores.second).front().last_use; };
  CHECK(ask_from(*stores.first, "GET", "192.0.2.7") == "allowed");
  CHECK(last_use().ip == core::IpAddress::parse("192.0.2.7"));
  CHECK(ask_from(*stores.second, "TRACE", "2001:db8::7") == "insufficient_scope");
  CHECK(last_use().ip == core::IpAddress::parse("2001:db8::7"));
  const core::Time before = now();
  CHECK(ask_from(*stores.first, "GET", "unknown") == "allowed");
  CHECK(last_use().ip == std::nullopt);
  CHECK(last_use().at >= before);
  CHECK(stores.first->record_responses(
      std::vector{core::UpstreamResponse{.key = make_key(1).id, .status = 200}}));
  CHECK(last_use().ip == std::nullopt);
  std::vector many{request(1), request(1)};
  many[0].ip = core::IpAddress::parse("192.0.2.1");
  many[1].ip = core::IpAddress::parse("192.0.2.2");
  value_of(stores.first->verify(many, {}));
  CHECK(last_use().ip == core::IpAddress::parse("192.0.2.2"));
}

STORE_TEST("counts have the reasons of denials", STORE_FIXTURES) {
  Stores stores(backend);
  Key key = make_key(1);
  key.rate_limit = 1;
  add(*stores.first, key);
  CHECK(reason(*stores.first, request(1)) == "allowed");
  CHECK(reason(*stores.first, request(1)) == "rate_limited");
  CHECK(reason(*stores.first, request(1, "TRACE")) == "insufficient_scope");
  value_of(stores.first->as(kTester).update(key.id, {.suspended = true}, now()));
  CHECK(reason(*stores.first, request(1)) == "suspended_key");
  value_of(stores.first->as(kTester).revoke(std::vector{key.id}, "", now()));
  CHECK(reason(*stores.first, request(1)) == "revoked_key");
  CHECK(stores.first->record_responses(
      std::vector{core::UpstreamResponse{.key = key.id, .status = 404}}));

  std::map<int, std::optional<core::Reason>> denials;
  value_of(stores.second->export_records({}, [&](const core::Record& record) {
    if (const auto* const usage = std::get_if<core::KeyUsage>(&record)) {
      denials[usage->status] = core::denial_of(usage->status);
    }
    return true;
  }));
  using core::counted_status;
  using core::Reason;
  CHECK(denials == std::map<int, std::optional<Reason>>{
                       {200, std::nullopt},
                       {core::kUpstreamStatus + 404, std::nullopt},
                       {counted_status(Reason::revoked_key), Reason::revoked_key},
                       {counted_status(Reason::suspended_key), Reason::suspended_key},
                       {counted_status(Reason::insufficient_scope), Reason::insufficient_scope},
                       {counted_status(Reason::rate_limited), Reason::rate_limited}});
  const auto usage = report(*stores.first, {.by = core::Grouping::status});
  CHECK(usage.total == Counts{.requests = 5, .denied = 4, .rate_limited = 1, .upstream_errors = 1});
  CHECK(by_name(usage).at("401").requests == 2);
  const Counts denied{.requests = 1, .denied = 1};
  CHECK(by_name(report(*stores.first, {.by = core::Grouping::reason})) ==
        std::map<std::string, Counts>{
            {"allowed", {.requests = 1}},
            {"insufficient_scope", denied},
            {"suspended_key", denied},
            {"revoked_key", denied},
            {"rate_limited", {.requests = 1, .denied = 1, .rate_limited = 1}}});
}

STORE_TEST("a report on a key tells how full its window was", STORE_FIXTURES) {
  Stores stores(backend);
  Key key = make_key(1);
  key.rate_limit = 5;
  add(*stores.first, key);
  add(*stores.first, 2);
  CHECK(report(*stores.first, {.key = key.id}).peaks.empty());
  const core::Time before = core::start_of_hour(core::system_time());
  CHECK(admitted(*stores.first, request(1), 3) == 3);
  CHECK(reason(*stores.second, request(1, "TRACE")) == "insufficient_scope");
  value_of(stores.second->verify(std::vector(1, request(1)), {.counting = Counting::dry_run}));
  const auto peaks = report(*stores.second, {.key = key.id}).peaks;
  REQUIRE(peaks.size() == 1);
  CHECK(peaks[0].window_seconds == 60);
  CHECK(peaks[0].requests == 3);
  CHECK(peaks[0].limit == 5);
  CHECK(peaks[0].hour >= before);
  CHECK(peaks[0].hour <= core::start_of_hour(core::system_time()));
  CHECK(admitted(*stores.second, request(1), 9) == 2);
  CHECK(report(*stores.first, {.key = key.id}).peaks[0].requests == 5);
  CHECK(report(*stores.first, {.key = make_key(2).id}).peaks.empty());
  CHECK(report(*stores.first, {.workspace = key.workspace}).peaks.empty());
}

STORE_TEST("keys are ranked by their counts", STORE_FIXTURES) {
  Stores stores(backend);
  for (std::uint64_t n = 1; n <= 4; ++n) {
    Key key = make_key(n);
    key.name = "key " + std::to_string(n);
    key.rate_limit = 3;
    key.workspace = n == 4 ? "sales" : "default";
    add(*stores.first, key);
  }
  value_of(stores.first->verify(std::vector(2, request(1)), {}));
  value_of(stores.second->verify(std::vector(5, request(2)), {}));
  value_of(stores.second->verify(std::vector(1, request(4)), {}));
  const Counts limited{.requests = 5, .denied = 2, .rate_limited = 2};
  const core::UsageGroup first{make_key(1).id.to_string(), {.requests = 2}, "key 1"};
  const core::UsageGroup second{make_key(2).id.to_string(), limited, "key 2"};
  const core::UsageGroup fourth{make_key(4).id.to_string(), {.requests = 1}, "key 4"};
  const auto groups = [&](core::UsageQuery query) {
    query.by = Grouping::key;
    query.sort = query.sort.value_or(core::UsageOrder::requests);
    return report(*stores.first, query).groups;
  };
  CHECK(groups({}) == std::vector{second, first, fourth});
  CHECK(groups({.workspace = "default"}) == std::vector{second, first});
  CHECK(groups({.workspace = "sales"}) == std::vector{fourth});
  CHECK(groups({.sort = core::UsageOrder::denied, .top = 1}) == std::vector{second});
  CHECK(groups({.key = make_key(1).id}) == std::vector{first});
  CHECK(report(*stores.first, {.by = Grouping::key, .top = 1}).total.requests == 8);
}

}  // namespace
}  // namespace nexakey::store::test
