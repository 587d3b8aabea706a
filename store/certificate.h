#pragma once

#include <optional>
#include <string>

#include "core/time.h"

namespace nexakey::store {

/// The certificate of a server, which was verified. The texts are the server's.
struct Certificate {
  std::string subject;  ///< such as "CN = keys.example.com"
  std::string issuer;
  std::optional<core::Time> expires_at{};

  bool operator==(const Certificate&) const = default;
};

}  // namespace nexakey::store
