#include "store/open.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <string_view>

#include "core/text.h"
#include "store/http/http_store.h"
#include "store/http/url.h"
#include "store/postgres/check.h"
#include "store/postgres/postgres_store.h"
#include "store/postgres/url.h"
#include "store/sqlite/backup.h"
#include "store/sqlite/check.h"
#include "store/sqlite/sqlite_store.h"

namespace nexakey::store {
namespace {

struct Backend;

/// The parts of a store URL.
struct Location {
  const Backend* backend = nullptr;
  std::string rest;
};

struct Backend {
  std::string_view scheme;
  bool is_remote;
  core::Result<std::unique_ptr<KeyStore>> (*open)(const Location& location, OpenMode mode,
                                                  const RemoteAccess& access,
                                                  const StoreSettings& settings);
  /// Null for a store behind a server.
  core::Result<std::unique_ptr<ServedStore>> (*open_served)(const std::string& rest, OpenMode mode,
                                                            const StoreSettings& settings);
  core::Result<void> (*check)(const Location& location, core::Time now, const RemoteAccess& access,
                              const StoreSettings& settings, const FindingVisitor& visit);
  core::Result<std::string> (*place)(const Location& location);
  /// What backs up and restores the store instead of this program; empty for an SQLite file.
  std::string_view backup_hint{};
};

core::Result<std::unique_ptr<KeyStore>> open_file(const Location& location, OpenMode mode,
                                                  const RemoteAccess& /*access*/,
                                                  const StoreSettings& settings) {
  return sqlite::open_store(location.rest, mode, settings);
}

core::Result<void> check_file(const Location& location, core::Time now,
                              const RemoteAccess& /*access*/, const StoreSettings& settings,
                              const FindingVisitor& visit) {
  return sqlite::check_store(location.rest, now, settings.revocation_log, visit);
}

core::Result<std::string> place_of_file(const Location& location) { return location.rest; }

/// A remote store cannot be created from here.
core::Result<std::unique_ptr<KeyStore>> open_remote(const Location& location, OpenMode /*mode*/,
                                                    const RemoteAccess& access,
                                                    const StoreSettings& /*settings*/) {
  return http::open_store(location.backend->scheme, location.rest, access);
}

core::Result<void> check_remote(const Location& location, core::Time /*now*/,
                                const RemoteAccess& access, const StoreSettings& /*settings*/,
                                const FindingVisitor& visit) {
  return http::check_store(location.backend->scheme, location.rest, access, visit);
}

core::Result<std::string> place_of_remote(const Location& location) {
  return http::Url::parse(location.backend->scheme, location.rest).map(&http::Url::text);
}

core::Result<std::unique_ptr<KeyStore>> open_database(const Location& location, OpenMode mode,
                                                      const RemoteAccess& /*access*/,
                                                      const StoreSettings& settings) {
  return postgres::open_store(location.rest, mode, settings);
}

core::Result<void> check_database(const Location& location, core::Time now,
                                  const RemoteAccess& /*access*/, const StoreSettings& settings,
                                  const FindingVisitor& visit) {
  return postgres::check_store(location.rest, now, settings.revocation_log, visit);
}

core::Result<std::string> place_of_database(const Location& location) {
  return postgres::read_place("postgresql:" + location.rest);
}

constexpr const char* kOnTheServer = "run it on the machine of the server, with its --store";

constexpr std::array kBackends{
    Backend{"sqlite", false, open_file, sqlite::open_store, check_file, place_of_file},
    Backend{"https", true, open_remote, nullptr, check_remote, place_of_remote, kOnTheServer},
    Backend{"http", true, open_remote, nullptr, check_remote, place_of_remote, kOnTheServer},
    Backend{"unix", true, open_remote, nullptr, check_remote, place_of_remote, kOnTheServer},
    Backend{"postgresql", true, open_database, postgres::open_store, check_database,
            place_of_database, "use pg_dump and pg_restore"}};

constexpr const char* kForms =
    "use sqlite:PATH, a path, https://HOST, unix:PATH or postgresql://HOST/DATABASE";

/// The scheme (RFC 3986, 3.1, and with underscores) before the colon; empty for a bare path.
std::string_view scheme_of(std::string_view url) {
  const std::string_view scheme = url.substr(0, url.find(':'));
  const bool is_scheme =
      scheme.size() < url.size() && !scheme.empty() && std::ranges::all_of(scheme, [](char c) {
        return core::is_alphanumeric(c) || c == '+' || c == '-' || c == '.' || c == '_';
      });
  return is_scheme ? scheme : std::string_view();
}

bool contains(std::string_view text, std::string_view word) {
  return std::search(text.begin(), text.end(), word.begin(), word.end(),
                     [](char a, char b) { return core::to_lower(a) == b; }) != text.end();
}

/// Whether a path looks like a URL with a password or like a connection string of libpq. Such a
/// path is refused, because messages show paths.
bool looks_secret(std::string_view path) {
  const std::size_t slashes = path.find("//");
  const std::size_t colon = slashes == std::string_view::npos ? slashes : path.find(':', slashes);
  const bool has_password = colon != std::string_view::npos && path.find('@', colon) != path.npos;
  constexpr std::array kWords{"pass", "host=", "user=", "dbname="};
  const bool has_settings =
      path.find('=') != std::string_view::npos &&
      std::ranges::any_of(kWords, [&](const char* word) { return contains(path, word); });
  return has_password || has_settings || contains(path, "://");
}

core::Result<Location> locate(const std::string& url) {
  const std::string_view scheme = scheme_of(url);
  const std::string rest = scheme.empty() ? url : url.substr(scheme.size() + 1);
  const std::string_view wanted = scheme.empty()         ? "sqlite"
                                  : scheme == "postgres" ? "postgresql"
                                                         : scheme;
  const auto* const backend = std::ranges::find(kBackends, wanted, &Backend::scheme);
  if (backend == kBackends.end()) {
    return core::reject("unknown kind of store " + core::quote(scheme), kForms);
  }
  if (rest.empty()) {
    return core::reject("the store URL has no path", kForms);
  }
  const bool is_colon_first = scheme.empty() && url.find(':') < url.find('/');
  if (is_colon_first || (backend->open == open_file && looks_secret(rest))) {
    return core::reject("the store URL is invalid", kForms);
  }
  return Location{backend, rest};
}

/// The location of a store in an SQLite file, the only ones that this program copies. `done`: what
/// is to be done, for messages.
core::Result<Location> locate_file(const std::string& url, const std::string& done) {
  return locate(url).and_then([&](Location location) -> core::Result<Location> {
    if (!location.backend->backup_hint.empty()) {
      return core::reject("only an SQLite store can be " + done,
                          std::string(location.backend->backup_hint));
    }
    return location;
  });
}

}  // namespace

core::Result<std::unique_ptr<ServedStore>> open_served(const std::string& url, OpenMode mode,
                                                       const StoreSettings& settings) {
  return locate(url).and_then(
      [&](const Location& location) -> core::Result<std::unique_ptr<ServedStore>> {
        if (location.backend->open_served == nullptr) {
          return core::reject("a server cannot serve the store of another server",
                              "name the store that it serves");
        }
        return location.backend->open_served(location.rest, mode, settings);
      });
}

core::Result<std::unique_ptr<KeyStore>> open(const std::string& url, OpenMode mode,
                                             const RemoteAccess& access,
                                             const StoreSettings& settings) {
  return locate(url).and_then([&](const Location& location) {
    return location.backend->open(location, mode, access, settings);
  });
}

core::Result<void> check(const std::string& url, core::Time now, const FindingVisitor& visit,
                         const RemoteAccess& access, const StoreSettings& settings) {
  return locate(url).and_then([&](const Location& location) {
    return location.backend->check(location, now, access, settings, visit);
  });
}

core::Result<std::optional<Certificate>> find_certificate(const std::string& url,
                                                          const RemoteAccess& access) {
  return locate(url).and_then(
      [&](const Location& location) -> core::Result<std::optional<Certificate>> {
        if (location.backend->open != open_remote) {
          return core::reject(place_of(url) + " is not a server of nexakey",
                              "use https://HOST[:PORT] or unix:PATH");
        }
        return http::find_certificate(location.backend->scheme, location.rest, access);
      });
}

core::Result<BackupSummary> backup(const std::string& url, const std::filesystem::path& file) {
  return locate_file(url, "backed up").and_then([&](const Location& location) {
    return sqlite::backup_store(location.rest, file);
  });
}

core::Result<RestoreSummary> restore(const std::string& url, const std::filesystem::path& file,
                                     const core::Actor& actor, core::Time now,
                                     const StoreSettings& settings) {
  const auto location = locate_file(url, "restored");
  if (!location) {
    return tl::unexpected(location.error());
  }
  if (settings.revocation_log.empty()) {
    return sqlite::restore_store(location->rest, file, actor, now);
  }
  // The log may lack what the store that is replaced has. If the store cannot be read, as a damaged
  // one, the restore tells.
  if (const auto replaced = open_served(url, OpenMode::existing, settings)) {
    static_cast<void>((*replaced)->write_revocation_log());
  }
  auto summary = sqlite::restore_store(location->rest, file, actor, now);
  if (!summary) {
    return summary;
  }
  const auto applied = apply_revocation_log(url, actor, now, settings);
  if (!applied) {
    core::Error error = applied.error();
    error.message =
        "the store is restored, but its revocation log is not applied: " + error.message;
    error.hint += std::string(error.hint.empty() ? "" : "; then ") + "run nexakey restore --check";
    return tl::unexpected(std::move(error));
  }
  summary->ended += *applied;
  return summary;
}

core::Result<AppliedEndings> apply_revocation_log(const std::string& url, const core::Actor& actor,
                                                  core::Time now, const StoreSettings& settings) {
  return open_served(url, OpenMode::existing, settings).and_then([&](const auto& store) {
    return store->apply_revocation_log(actor, now);
  });
}

bool is_remote(const std::string& url) {
  const auto location = locate(url);
  return location && location->backend->is_remote;
}

std::optional<std::size_t> path_in(const std::string& url) {
  const std::string_view scheme = scheme_of(url);
  if (scheme.empty()) {
    return 0;
  }
  return scheme == "sqlite" || scheme == "unix" ? std::optional(scheme.size() + 1) : std::nullopt;
}

std::string place_of(const std::string& url) {
  return locate(url)
      .and_then([](const Location& location) { return location.backend->place(location); })
      .value_or("the store URL");
}

std::vector<std::string_view> schemes() {
  std::vector<std::string_view> schemes;
  std::ranges::transform(kBackends, std::back_inserter(schemes), &Backend::scheme);
  return schemes;
}

}  // namespace nexakey::store
