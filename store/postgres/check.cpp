#include "store/postgres/check.h"

#include <array>
#include <chrono>
#include <cstdlib>
#include <utility>

#include "store/check_revocation_log.h"
#include "store/check_tables.h"
#include "store/import.h"
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

void check_rotations(Session& session, Findings& findings) {
  const Rows rows =
      session.run_once(sql::find_broken_rotations(Statements::kDialect) + " LIMIT 100", {});
  for (int row = 0; row < rows.size(); ++row) {
    report_broken_rotation(rows.number(row, 0), findings);
  }
  const Rows all = session.run_once(sql::count_rotations(Statements::kDialect), {});
  findings.finish(count_of(static_cast<std::size_t>(all.number(0, 0)), "rotation"));
}

/// The number of keys whose peaks of the last hour are not those of windows beside the minute, each
/// once, in the order of their lengths.
constexpr const char* kDamagedPeaks =
    "SELECT count(*) FROM nexakey.last_uses"
    " WHERE peak < 0 OR cardinality(peak_windows) IS DISTINCT FROM cardinality(window_peaks)"
    " OR peak_windows <> ARRAY(SELECT DISTINCT w.seconds FROM unnest(peak_windows) AS w (seconds)"
    " WHERE w.seconds BETWEEN 1 AND 3600 AND w.seconds <> 60 ORDER BY 1)"
    " OR (window_peaks IS NOT NULL AND (0 <= ALL (window_peaks)) IS NOT TRUE)";

void check_usage(Session& session, Findings& findings) {
  report_damaged_peaks(session.run_once(kDamagedPeaks, {}).number(0, 0), findings);
  const Rows rows = session.run_once(sql::check_counts(Statements::kDialect), {});
  report_counts(rows.number(0, 0), rows.number(0, 1), findings);
}

}  // namespace

core::Result<void> check_store(const std::string& rest, Time /*now*/,
                               const std::filesystem::path& revocation_log,
                               const FindingVisitor& visit) {
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
    for (const auto check : {check_role, check_durability, check_clock}) {
      visit(check(*session));
    }
    if (is_old) {
      return {};
    }
    PostgresTables tables(*session);
    const auto look = [&](const char* name, const auto& check, auto& subject) {
      Findings findings(name, visit);
      check(subject, findings);
    };
    look("keys", check_keys, tables);
    look(
        "rotations",
        [&](Session& one, Findings& findings) {
          has_unfinished_import(tables) ? findings.finish(kWaits) : check_rotations(one, findings);
        },
        *session);
    look("tokens", check_tokens, tables);
    look("policies", check_policies, tables);
    look("usage", check_usage, *session);
    look("imports", check_imports, tables);
    look("audit", check_audit, tables);
    check_revocation_log(tables, revocation_log, visit);
    return {};
  });
}

}  // namespace nexakey::store::postgres
