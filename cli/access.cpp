#include "cli/access.h"

#include "cli/exit_status.h"
#include "cli/id_token.h"
#include "cli/secret_file.h"
#include "core/credential.h"
#include "core/text.h"

namespace nexakey::cli {
namespace {

using core::Result;
using core::Secret;

constexpr const char* kTokenVariable = "NEXAKEY_TOKEN";
constexpr std::chrono::seconds kMaxTimeout{3600};

/// The source of a setting in parentheses; empty if it is an option or the default.
std::string origin_of(const Setting& setting) {
  const bool is_obvious = setting.origin == Origin::option || setting.origin == Origin::fallback;
  return is_obvious ? "" : " (" + setting.where() + ")";
}

void set_token(store::RemoteAccess& access, const Settings& settings) {
  const bool has_file = settings.token_file && !settings.token_file->is_from_config();
  if (!has_file && !settings.store.is_of_context && environment(kTokenVariable)) {
    access.token_name = std::string("the token in ") + kTokenVariable;
    access.token = [] {
      return check_token(secret_of(environment(kTokenVariable).value_or("")), kTokenVariable);
    };
  } else if (settings.token_file) {
    const std::string& path = settings.token_file->value;
    access.token_name = "the token of " + core::quote(path) + origin_of(*settings.token_file);
    access.token = [path] {
      return read_secret_file(path, "token", Readers::owner).and_then([&](const Secret& token) {
        return check_token(token, core::quote(path));
      });
    };
  } else if (settings.withheld_token_file) {
    const std::string& config = settings.withheld_token_file->source;
    access.token = [config]() -> Result<Secret> {
      return core::reject("the token_file of " + config + " is only for the store of that file",
                          "name the token of this store with --token-file");
    };
  } else if (!settings.store.is_of_context) {
    if (auto source = find_id_token(settings)) {
      access.token_name = std::move(source->name);
      access.token = std::move(source->read);
      access.is_id_token = true;
    }
  }
}

std::chrono::seconds parse_timeout(const std::string& text) {
  const auto timeout = value_of(core::parse_duration(text));
  if (timeout.count() < 1 || timeout > kMaxTimeout) {
    throw Failure{{core::ErrorCode::usage, "a timeout must be from 1s to 1h", ""}};
  }
  return timeout;
}

}  // namespace

Result<Secret> check_token(const Secret& token, const std::string& where) {
  if (!core::kTokenForm.matches(token.reveal())) {
    return core::reject("no token in " + where,
                        "a token is nxk_ and 40 letters and digits: see nexakey token create");
  }
  return Secret(std::string(token.reveal()));
}

store::RemoteAccess remote_access(const Settings& settings) {
  store::RemoteAccess access;
  access.store_origin = origin_of(settings.store);
  set_token(access, settings);
  if (settings.ca_file) {
    access.ca_file = settings.ca_file->value;
  }
  if (settings.timeout) {
    access.timeout = parse_timeout(settings.timeout->value);
  }
  return access;
}

}  // namespace nexakey::cli
