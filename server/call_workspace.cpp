#include "server/call_workspace.h"

namespace nexakey::server {

core::Result<void> restrict_workspace(const Call& call, std::optional<std::string>& workspace) {
  if (call.workspace && workspace.value_or(*call.workspace) != *call.workspace) {
    return core::fail(core::ErrorCode::forbidden,
                      "this is limited to the workspace " + *call.workspace);
  }
  workspace = call.workspace ? call.workspace : workspace;
  return {};
}

core::Result<void> check_unconfined(const Call& call, const std::string& what) {
  return call.workspace ? core::fail(core::ErrorCode::forbidden,
                                     "this is limited to the workspace " + *call.workspace +
                                         ", and " + what + " of the whole store")
                        : core::Result<void>();
}

}  // namespace nexakey::server
