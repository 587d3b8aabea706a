#include "store/postgres/url.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string_view>

#include "core/ip_range.h"
#include "core/text.h"
#include "store/postgres/libpq.h"
#include "store/postgres/session.h"

namespace nexakey::store::postgres {
namespace {

using Settings = std::map<std::string, std::string>;

/// The settings of a URL that are not empty, by name; empty if libpq cannot read it.
std::optional<Settings> parse(const std::string& url) {
  PQconninfoOption* const options = libpq().conninfo_parse(url.c_str(), nullptr);
  if (options == nullptr) {
    return std::nullopt;
  }
  const std::unique_ptr<PQconninfoOption, void (*)(PQconninfoOption*)> owner(options,
                                                                             libpq().conninfo_free);
  Settings settings;
  for (const PQconninfoOption* option = options; option->keyword != nullptr; ++option) {
    if (option->val != nullptr && *option->val != '\0') {
      settings[option->keyword] = option->val;
    }
  }
  return settings;
}

/// Whether the only @ is the one where libpq ends user and password: the first before any slash. In
/// a URL without user and password, any @ must follow a `?`.
bool has_clear_user(const std::string& url) {
  const std::size_t slashes = url.find("://");
  if (slashes == std::string::npos) {
    return false;
  }
  const std::string_view rest = std::string_view(url).substr(slashes + 3);
  const std::size_t end = rest.find_first_of("@/");
  if (end != std::string_view::npos && rest[end] == '@') {
    return rest.find('@', end + 1) == std::string_view::npos;
  }
  return rest.substr(0, rest.find('?')).find('@') == std::string_view::npos;
}

bool consists_of(std::string_view text, std::string_view more) {
  return std::ranges::all_of(text, [&](char c) {
    return core::is_alphanumeric(c) || more.find(c) != std::string_view::npos;
  });
}

/// Whether a text is a host name, an IPv6 address, the folder of a socket, or an abstract socket
/// (unix(7)).
bool is_host(std::string_view text) {
  return text.find(':') != std::string_view::npos
             ? core::IpAddress::parse(text).has_value()
             : consists_of(text.substr(text.starts_with('@') ? 1 : 0), "-._/");
}

bool are_hosts(std::string_view text) {
  return std::ranges::all_of(core::split(text, ','), is_host);
}

bool is_port(std::string_view text) { return text.find_first_not_of("0123456789,") == text.npos; }

core::Result<std::string> place_in(const std::string& url) {
  const auto settings = has_clear_user(url) ? parse(url) : std::nullopt;
  const auto get = [&](const char* name) {
    const auto found = settings ? settings->find(name) : Settings::const_iterator();
    return settings && found != settings->end() ? found->second : std::string();
  };
  const std::string host = get("host");
  const std::string port = get("port");
  const std::string database = get("dbname");
  if (!settings || !is_port(port) || !are_hosts(host) || !consists_of(database, "-._+$ ")) {
    return core::reject("the URL of the store is invalid",
                        "use postgresql://USER@HOST:PORT/DATABASE, with special characters "
                        "percent-encoded (@ is %40), and keep the password in ~/.pgpass");
  }
  std::string place = "postgresql://";
  for (const std::string_view each : core::split(host, ',')) {
    place += place.ends_with('/') ? "" : ",";
    place += each.find(':') == std::string_view::npos ? std::string(each)
                                                      : "[" + std::string(each) + "]";
  }
  return place + (port.empty() ? "" : ":" + port) + "/" + database;
}

}  // namespace

core::Result<std::string> read_place(const std::string& url) {
  return guarded([&] { return place_in(url); });  // libpq may not be installed
}

}  // namespace nexakey::store::postgres
