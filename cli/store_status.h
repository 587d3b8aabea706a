#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "cli/context.h"
#include "core/error.h"
#include "core/key_sums.h"
#include "core/whoami.h"

namespace nexakey::cli {

/// What `status` tells. What could not be found out is absent.
struct StoreStatus {
  std::optional<core::Error> error{};    ///< the first one: why the rest is absent
  bool is_open = false;                  ///< the store could be asked
  bool is_older = false;                 ///< the server is of an earlier version, without whoami
  bool has_server = false;               ///< `nexakey serve`, which names the holder of the token
  std::optional<core::Whoami> whoami{};  ///< for a store behind a server
  std::optional<std::string> file_owner{};  ///< for a store in a file
  std::optional<std::string> workspace{};   ///< of the sums; none: all
  std::optional<core::KeySums> keys{};      ///< of active and damaged keys
  std::optional<std::size_t> unfinished_imports{};
};

/// Asks the store of the settings. Reads its keys once: those of the given workspace, or all that
/// this client may read. An error does not end the command.
StoreStatus find_status(const Context& context);

}  // namespace nexakey::cli
