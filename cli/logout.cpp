#include <memory>
#include <string>

#include "cli/command.h"
#include "cli/contexts.h"
#include "core/text.h"

namespace nexakey::cli {
namespace {

constexpr const char* kExamples = "nexakey logout prod";

Runner attach(Arguments& app) {
  const auto name = std::make_shared<std::string>();
  app.add_option("CONTEXT", *name, "The context to remove")->type_name("CONTEXT")->required();
  app.footer(kExamples);
  return [name](Context& context) {
    check_context_name(*name);
    if (!remove_context(*name)) {
      const auto names = context_names();
      throw Failure{{core::ErrorCode::not_found, "no context " + core::quote(*name),
                     names.empty() ? "" : "the contexts are " + core::join(names, ", ")}};
    }
    if (!undo_default(*name)) {
      print_note("nexakey: remove context = \"" + *name + "\" from " +
                 user_config_path().value_or("").string());
    }
    if (!context.settings.quiet) {
      print_note("Removed the context " + *name +
                 "; its token is still valid: see nexakey token revoke");
    }
    return ExitStatus::done;
  };
}

}  // namespace

const Command kLogout{.name = "logout",
                      .summary = "Remove a context and its token from this machine",
                      .attach = attach,
                      .uses_context = false};

}  // namespace nexakey::cli
