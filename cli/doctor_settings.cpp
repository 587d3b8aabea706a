#include "cli/doctor_settings.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <fstream>
#include <system_error>

#include <sys/stat.h>
#include <unistd.h>

#include "cli/config.h"
#include "core/credential.h"
#include "core/secret.h"
#include "store/open.h"

namespace nexakey::cli {
namespace {

using store::Health;

constexpr ::mode_t kPermissions = 07777;
constexpr ::mode_t kOthers = 0077;
constexpr ::mode_t kWritableByOthers = 0022;

std::string octal(::mode_t mode) {
  std::array<char, 8> text{};
  std::snprintf(text.data(), text.size(), "%04o", mode & kPermissions);
  return text.data();
}

bool belongs_to_other(const struct stat& status) {
  return status.st_uid != ::geteuid() && status.st_uid != 0;
}

void check_config(const std::string& path, const store::FindingVisitor& visit) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    visit({.check = "config", .status = Health::ok, .found = "none at " + path});
  } else if ((status.st_mode & kWritableByOthers) != 0 || belongs_to_other(status)) {
    visit({.check = "config",
           .status = Health::problem,
           .found = path + " can be changed by other users, who could name their own store",
           .advice = "chown and chmod 600 " + path});
  } else {
    visit({.check = "config", .status = Health::ok, .found = path});
  }
}

void check_configs(const store::FindingVisitor& visit) {
  if (const auto path = user_config_path()) {
    check_config(path->string(), visit);
  } else {
    visit({.check = "config", .status = Health::ok, .found = "none: no home folder"});
  }
  check_config(system_config_path().string(), visit);
}

void check_environment(const store::FindingVisitor& visit) {
  bool is_well = true;
  for (const char* const name : {"NEXAKEY_KEY", "NEXAKEY_TOKEN"}) {
    if (environment(name)) {
      is_well = false;
      visit({.check = "environment",
             .status = Health::warning,
             .found = std::string(name) + " is set: every program you start inherits it",
             .advice = "unset " + std::string(name) + " and use a file with mode 0600"});
    }
  }
  if (is_well) {
    visit({.check = "environment", .status = Health::ok, .found = "no secrets"});
  }
}

/// Whether the first line of the file is a key or a token.
bool has_one_secret(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  const core::Secret secret(std::move(line));
  return core::kApiKeyForm.matches(secret.reveal()) || core::kTokenForm.matches(secret.reveal());
}

}  // namespace

void check_settings(const Settings& settings, const store::FindingVisitor& visit) {
  for (const auto& [name, setting] : settings.made) {
    const std::string value = name == "store" ? store::place_of(setting.value) : setting.value;
    visit({.check = "settings",
           .status = Health::ok,
           .found = name + " = " + value + " (" + setting.where() + ")"});
  }
  if (settings.withheld_token_file) {
    visit({.check = "settings",
           .status = Health::warning,
           .found = "token_file of " + settings.withheld_token_file->source +
                    " is not used: it belongs to the store of that file",
           .advice = "name a token with --token-file if this store needs one"});
  }
  if (!settings.note.empty()) {
    visit({.check = "settings", .status = Health::warning, .found = settings.note});
  }
  check_configs(visit);
  check_environment(visit);
}

void check_secret_file(const std::string& path, const store::FindingVisitor& visit) {
  const auto problem = [&](const std::string& found, const std::string& advice) {
    visit({.check = "secret",
           .status = Health::problem,
           .found = path + " " + found,
           .advice = advice});
  };
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    problem("cannot be read: " + std::system_category().message(errno),
            "name a file with a key or a token");
    return;
  }
  if ((status.st_mode & kOthers) != 0) {
    problem("has mode " + octal(status.st_mode) + ", so that others can read it",
            "chmod 600 " + path + ", and replace it if somebody may have read it");
  }
  if (belongs_to_other(status)) {
    problem("belongs to user " + std::to_string(status.st_uid), "use one of your own");
  }
  if (!has_one_secret(path)) {
    problem("holds neither a key nor a token", "write the secret to it, on a line of its own");
  }
  if ((status.st_mode & kOthers) == 0 && !belongs_to_other(status) && has_one_secret(path)) {
    visit({.check = "secret",
           .status = Health::ok,
           .found = path + ", mode " + octal(status.st_mode)});
  }
}

}  // namespace nexakey::cli
