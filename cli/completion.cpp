#include "cli/command.h"
#include "completions/scripts.h"
#include "core/text.h"

namespace nexakey::cli {
namespace {

constexpr const char* kExamples =
    "source <(nexakey completion bash)\n"
    "nexakey completion zsh > \"${fpath[1]}/_nexakey\"\n"
    "nexakey completion fish > ~/.config/fish/completions/nexakey.fish";

Runner attach(Arguments& app) {
  const auto shell = std::make_shared<std::string>();
  app.add_option("SHELL", *shell, "The shell to print the script for")
      ->type_name("bash|zsh|fish")
      ->required();
  app.footer(kExamples);
  return [shell](Context& context) {
    const auto script = completions::script_for(*shell);
    if (!script) {
      throw Failure{{core::ErrorCode::usage, "no completion script for " + core::quote(*shell),
                     "use bash, zsh or fish"}};
    }
    context.out.write(*script);
    return ExitStatus::done;
  };
}

}  // namespace

const Command kCompletion{.name = "completion",
                          .summary = "Print the completion script of a shell",
                          .attach = attach,
                          .reads_settings = false};

}  // namespace nexakey::cli
