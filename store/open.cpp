#include "store/open.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <string_view>

#include "core/text.h"
#include "store/sqlite/check.h"
#include "store/sqlite/sqlite_store.h"

namespace nexakey::store {
namespace {

struct Backend {
  std::string_view scheme;
  core::Result<std::unique_ptr<KeyStore>> (*open)(const std::string& rest, OpenMode mode);
  core::Result<void> (*check)(const std::string& rest, core::Time now, const FindingVisitor& visit);
};

constexpr std::array kBackends{Backend{"sqlite", sqlite::open_store, sqlite::check_store}};

/// A store URL, taken apart.
struct Location {
  const Backend* backend = nullptr;
  std::string rest;
};

/// The scheme (RFC 3986, 3.1) in front of the colon; nothing for a bare path.
std::string_view scheme_of(std::string_view url) {
  const std::string_view scheme = url.substr(0, url.find(':'));
  const bool is_path = scheme.size() == url.size() || scheme.find('/') != std::string_view::npos;
  return is_path ? std::string_view() : scheme;
}

core::Result<Location> locate(const std::string& url) {
  const std::string_view scheme = scheme_of(url);
  const std::string rest = scheme.empty() ? url : url.substr(scheme.size() + 1);
  const std::string_view wanted = scheme.empty() ? "sqlite" : scheme;
  const auto* const backend =
      std::ranges::find_if(kBackends, [&](const Backend& b) { return b.scheme == wanted; });
  if (backend == kBackends.end()) {
    return core::reject("no kind of store is called " + core::quote(scheme),
                        "write sqlite:PATH or a path");
  }
  if (rest.empty()) {
    return core::reject("the store has no path", "write sqlite:PATH or a path");
  }
  return Location{backend, rest};
}

}  // namespace

core::Result<std::unique_ptr<KeyStore>> open(const std::string& url, OpenMode mode) {
  return locate(url).and_then(
      [&](const Location& location) { return location.backend->open(location.rest, mode); });
}

core::Result<void> check(const std::string& url, core::Time now, const FindingVisitor& visit) {
  return locate(url).and_then(
      [&](const Location& location) { return location.backend->check(location.rest, now, visit); });
}

std::vector<std::string_view> schemes() {
  std::vector<std::string_view> schemes;
  std::ranges::transform(kBackends, std::back_inserter(schemes), &Backend::scheme);
  return schemes;
}

}  // namespace nexakey::store
