#pragma once

#include <chrono>
#include <cstddef>
#include <string>

#include "core/error.h"
#include "core/secret.h"

namespace nexakey::store {

/// The limits of `fetch`.
struct FetchLimits {
  std::chrono::milliseconds time{5000};
  std::size_t size = std::size_t{256} << 10U;
};

/// The document at an https URL, or at an http URL of this machine, which is got with libcurl. No
/// redirect is followed. `token` is sent as `Authorization: Bearer`, unless it is empty. `ca_file`:
/// certificates (PEM) to trust in place of the system's; empty: the system's. Error: `failed`, with
/// the reason, unless the status is 200.
core::Result<std::string> fetch(const std::string& url, const core::Secret& token,
                                const std::string& ca_file, const FetchLimits& limits = {});

}  // namespace nexakey::store
