#pragma once

#include <optional>
#include <string>

#include "core/id.h"
#include "core/time.h"
#include "core/token.h"

namespace nexakey::core {

/// Who a client is to a server: what the holder of a token may know of it.
struct Whoami {
  TokenId id;
  std::string name;
  Role role = Role::verifier;
  std::optional<std::string> workspace{};  ///< the only one that it can access there; none: all
  std::optional<Time> expires_at{};        ///< of the token
  std::optional<std::string> subject{};    ///< of the ID token, for which `id` is a trust
  std::string version;                     ///< of the server
};

}  // namespace nexakey::core
