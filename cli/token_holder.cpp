#include "cli/token_holder.h"

namespace nexakey::cli {

std::string describe_holder(const KeyView& view, const core::Whoami& whoami) {
  return (whoami.subject ? "trust " : "token ") + whoami.name + " (" + whoami.id.to_string() +
         "), role " + std::string(core::name_of(whoami.role)) + ", " +
         (whoami.workspace ? "workspace " + *whoami.workspace : "all workspaces") +
         (whoami.subject ? ", as " + *whoami.subject : "") +
         (whoami.expires_at ? ", expires " + view.time(whoami.expires_at) : "");
}

}  // namespace nexakey::cli
