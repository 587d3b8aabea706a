#pragma once

#include <map>
#include <optional>
#include <vector>

#include "cli/context.h"
#include "core/key.h"
#include "scan/leak_sink.h"

namespace nexakey::cli {

/// What the store knows of the keys that leaked.
using KnownKeys = std::map<core::KeyHash, core::Key>;

/// Looks the keys up by their hashes, up to 500 at once, in all workspaces or in the one of the
/// settings.
KnownKeys look_up(const Context& context, store::KeyStore& store,
                  const std::vector<scan::FoundLeak>& found);

/// A place where a key leaked.
struct Finding {
  scan::FoundLeak found;
  std::optional<core::Key> key;  ///< none: the store has no such key, or was not asked

  [[nodiscard]] bool is_live(core::Time now) const { return key && !key->has_ended(now); }
};

/// `[COMMIT:]PATH[!MEMBER]:LINE:COLUMN`; without line and column in a name or a link.
std::string place_text(const scan::FoundLeak& found);

/// Prints the findings in the output format of the settings; with --quiet, only the ids of live
/// keys.
void print_findings(Context& context, const std::vector<Finding>& findings);

}  // namespace nexakey::cli
