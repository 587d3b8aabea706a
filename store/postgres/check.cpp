#include "store/postgres/check.h"

#include <array>
#include <chrono>
#include <cstdlib>
#include <utility>

#include "store/check_tables.h"
#include "store/postgres/migrations.h"
#include "store/postgres/schema.h"
#include "store/postgres/session.h"
#include "store/postgres/tables.h"

namespace nexakey::store::postgres {
namespace {

using core::Time;

constexpr std::chrono::milliseconds kClockTolerance{2000};

std::string setting(Session& session, const char* name) {
  const Rows rows = session.run_once("SELECT current_setting($1)", Parameters().add(name));
  return std::string(rows.text(0, 0));
}

/// Checks the settings that acknowledged changes need to survive a power cut.
Finding check_durability(Session& session) {
  for (const char* const name : {"fsync", "full_page_writes"}) {
    if (setting(session, name) != "on") {
      return {.check = "durability",
              .status = Health::problem,
              .found = std::string(name) + " is off: a power cut may destroy the store",
              .advice = "set it in postgresql.conf"};
    }
  }
  return {
      .check = "durability", .status = Health::ok, .found = "fsync and full_page_writes are on"};
}

Finding check_role(Session& session) {
  const Rows rows = session.run_once("SELECT pg_is_in_recovery()", {});
  if (rows.text(0, 0) == "t") {
    return {
        .check = "role",
        .status = Health::problem,
        .found = "a standby, which is read-only",
        .advice = "name the primary server, or all servers with target_session_attrs=read-write"};
  }
  return {.check = "role", .status = Health::ok, .found = "a primary server"};
}

/// Compares the clocks: keys expire by this machine's; counts and windows use the server's.
Finding check_clock(Session& session) {
  const Time before = core::system_time();
  const Rows rows =
      session.run_once("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint", {});
  const Time server{std::chrono::milliseconds(rows.number(0, 0))};
  const Time after = core::system_time();
  if (server < before - kClockTolerance || server > after + kClockTolerance) {
    return {.check = "clock",
            .status = Health::warning,
            .found = "the server has " + core::format_time(server) + ", this machine " +
                     core::format_time(after),
            .advice = "set both by NTP"};
  }
  return {.check = "clock",
          .status = Health::ok,
          .found = core::format_time(after) + ", as on the server"};
}

}  // namespace

core::Result<void> check_store(const std::string& rest, Time /*now*/, const FindingVisitor& visit) {
  return guarded([&]() -> core::Result<void> {
    auto session = Session::to("postgresql:" + rest);
    if (!session) {
      return tl::unexpected(std::move(session.error()));
    }
    const auto version = store_version(*session);
    if (!version) {
      return tl::unexpected(version.error());
    }
    visit({.check = "server",
           .status = Health::ok,
           .found = session->place() + ", PostgreSQL " + setting(*session, "server_version")});
    const bool is_old = *version < newest_schema();
    visit({.check = "form",
           .status = is_old ? Health::warning : Health::ok,
           .found = "schema " + std::to_string(*version),
           .advice = is_old ? kOldSchemaAdvice : ""});
    for (const auto look : {check_role, check_durability, check_clock}) {
      visit(look(*session));
    }
    if (is_old) {
      return {};
    }
    PostgresTables tables(*session);
    const std::array<std::pair<const char*, void (*)(Tables&, Findings&)>, 4> checks{
        {{"keys", check_keys},
         {"tokens", check_tokens},
         {"imports", check_imports},
         {"audit", check_audit}}};
    for (const auto& [name, check] : checks) {
      Findings findings(name, visit);
      check(tables, findings);
    }
    return {};
  });
}

}  // namespace nexakey::store::postgres
