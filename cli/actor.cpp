#include "cli/actor.h"

#include <array>
#include <string>

#include <unistd.h>

#include "cli/settings.h"
#include "core/text.h"
#include "system/user.h"

namespace nexakey::cli {
namespace {

std::string user_name() {
  const uid_t user = ::getuid();
  std::string name = system::User(user).name("uid");
  // Other users can set the variable to any name.
  const auto invoker = user == 0 ? environment("SUDO_USER") : std::nullopt;
  if (invoker && *invoker != name) {
    name += " (sudo by " + *invoker + ")";
  }
  return name;
}

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

}  // namespace

const core::Actor& local_actor() {
  static const core::Actor actor{.name = core::printable(user_name()),
                                 .source = core::printable(host_name())};
  return actor;
}

}  // namespace nexakey::cli
