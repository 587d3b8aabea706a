#include "cli/limit_options.h"

#include <set>

#include "cli/exit_status.h"
#include "cli/options.h"
#include "core/text.h"

namespace nexakey::cli {

void LimitOptions::add_to(Arguments& app, const std::string& note) {
  add_list_option(app, "--rate-limit", rate_limits,
                  "Requests in a sliding window, a minute or W" + note)
      ->type_name("N[/W]");
  add_list_option(app, "--quota", quotas, "Requests in each day or month of UTC: N/day or N/month")
      ->type_name("N/PERIOD");
}

void LimitOptions::set(core::KeyChange& change) const {
  std::set<core::Window> seen;
  const auto take = [&](const core::LimitChange& limit) {
    if (!seen.insert(limit.window).second) {
      throw Failure{{core::ErrorCode::usage, "two limits for " + text_of(limit.window),
                     "give one for each window"}};
    }
    if (limit.window == core::Window::minute) {
      change.rate_limit = static_cast<std::uint32_t>(*limit.requests);
    } else {
      change.limits.push_back(limit);
    }
  };
  for (const std::string& texts : rate_limits) {
    for (const std::string_view text : core::split(texts, ',')) {
      take(value_of(core::parse_rate_limit(text)));
    }
  }
  for (const std::string& texts : quotas) {
    for (const std::string_view text : core::split(texts, ',')) {
      take(value_of(core::parse_quota(text)));
    }
  }
}

}  // namespace nexakey::cli
