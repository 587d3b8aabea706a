#include "store/open.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <string_view>

#include "core/text.h"
#include "store/http/http_store.h"
#include "store/postgres/check.h"
#include "store/postgres/postgres_store.h"
#include "store/sqlite/check.h"
#include "store/sqlite/sqlite_store.h"

namespace nexakey::store {
namespace {

struct Backend;

/// A store URL, taken apart.
struct Location {
  const Backend* backend = nullptr;
  std::string rest;
};

struct Backend {
  std::string_view scheme;
  bool is_remote;
  core::Result<std::unique_ptr<KeyStore>> (*open)(const Location& location, OpenMode mode,
                                                  const Access& access);
  core::Result<void> (*check)(const Location& location, core::Time now, const Access& access,
                              const FindingVisitor& visit);
};

core::Result<std::unique_ptr<KeyStore>> open_file(const Location& location, OpenMode mode,
                                                  const Access& /*access*/) {
  return sqlite::open_store(location.rest, mode);
}

core::Result<void> check_file(const Location& location, core::Time now, const Access& /*access*/,
                              const FindingVisitor& visit) {
  return sqlite::check_store(location.rest, now, visit);
}

/// A remote store is there or not; nothing makes it from here.
core::Result<std::unique_ptr<KeyStore>> open_remote(const Location& location, OpenMode /*mode*/,
                                                    const Access& access) {
  return http::open_store(location.backend->scheme, location.rest, access);
}

core::Result<void> check_remote(const Location& location, core::Time /*now*/, const Access& access,
                                const FindingVisitor& visit) {
  return http::check_store(location.backend->scheme, location.rest, access, visit);
}

core::Result<std::unique_ptr<KeyStore>> open_database(const Location& location, OpenMode mode,
                                                      const Access& /*access*/) {
  return postgres::open_store(location.rest, mode);
}

core::Result<void> check_database(const Location& location, core::Time now,
                                  const Access& /*access*/, const FindingVisitor& visit) {
  return postgres::check_store(location.rest, now, visit);
}

constexpr std::array kBackends{Backend{"sqlite", false, open_file, check_file},
                               Backend{"https", true, open_remote, check_remote},
                               Backend{"http", true, open_remote, check_remote},
                               Backend{"unix", true, open_remote, check_remote},
                               Backend{"postgresql", true, open_database, check_database}};

constexpr const char* kForms =
    "write sqlite:PATH, a path, https://HOST, unix:PATH or postgresql://HOST/DATABASE";

/// The scheme (RFC 3986, 3.1) in front of the colon; nothing for a bare path.
std::string_view scheme_of(std::string_view url) {
  const std::string_view scheme = url.substr(0, url.find(':'));
  const bool is_path = scheme.size() == url.size() || scheme.find('/') != std::string_view::npos;
  return is_path ? std::string_view() : scheme;
}

core::Result<Location> locate(const std::string& url) {
  const std::string_view scheme = scheme_of(url);
  const std::string rest = scheme.empty() ? url : url.substr(scheme.size() + 1);
  const std::string_view wanted = scheme.empty()         ? "sqlite"
                                  : scheme == "postgres" ? "postgresql"
                                                         : scheme;
  const auto* const backend = std::ranges::find(kBackends, wanted, &Backend::scheme);
  if (backend == kBackends.end()) {
    return core::reject("no kind of store is called " + core::quote(scheme), kForms);
  }
  if (rest.empty()) {
    return core::reject("the store has no path", kForms);
  }
  return Location{backend, rest};
}

}  // namespace

core::Result<std::unique_ptr<KeyStore>> open(const std::string& url, OpenMode mode,
                                             const Access& access) {
  return locate(url).and_then(
      [&](const Location& location) { return location.backend->open(location, mode, access); });
}

core::Result<void> check(const std::string& url, core::Time now, const FindingVisitor& visit,
                         const Access& access) {
  return locate(url).and_then([&](const Location& location) {
    return location.backend->check(location, now, access, visit);
  });
}

bool is_remote(const std::string& url) {
  const auto location = locate(url);
  return location && location->backend->is_remote;
}

std::string without_password(const std::string& url) {
  std::string shown = url;
  const auto hide = [&](std::size_t from, std::size_t to) {
    shown.replace(from, std::min(to, shown.size()) - from, "…");
  };
  // The last @ in front of the path ends user and password, whatever is in them.
  const std::size_t host = shown.find("://");
  const std::size_t at = shown.substr(0, shown.find('?')).rfind('@');
  const std::size_t colon = host == std::string::npos ? host : shown.find(':', host + 3);
  if (colon < at && at != std::string::npos) {
    hide(colon + 1, at);
  }
  for (const std::string_view name : {"password=", "sslpassword="}) {
    for (std::size_t found = shown.find('?'); found != std::string::npos;) {
      found = shown.find(name, found);
      if (found != std::string::npos) {
        found += name.size();
        hide(found, shown.find('&', found));
      }
    }
  }
  return shown;
}

std::vector<std::string_view> schemes() {
  std::vector<std::string_view> schemes;
  std::ranges::transform(kBackends, std::back_inserter(schemes), &Backend::scheme);
  return schemes;
}

}  // namespace nexakey::store
