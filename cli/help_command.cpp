#include <memory>
#include <string>

#include "cli/command.h"
#include "cli/topics.h"
#include "core/text.h"

namespace nexakey::cli {
namespace {

constexpr const char* kExamples =
    "nexakey help create\n"
    "nexakey help whitelist add\n"
    "nexakey help exit-status";

/// Prints a topic. `help COMMAND` does not get here: it is parsed as `COMMAND --help`.
Runner attach(Arguments& app) {
  const auto name = std::make_shared<std::string>();
  app.add_option("TOPIC", *name,
                 "A command, or environment, exit-status or output (default: the overview)")
      ->type_name("TOPIC");
  app.footer(kExamples);
  return [name](Context& context) {
    const Topic* const topic = find_topic(*name);
    if (topic == nullptr) {
      throw Failure{{core::ErrorCode::usage, "unknown topic " + core::quote(*name),
                     "see nexakey help --help"}};
    }
    context.out.write(topic->text);
    return ExitStatus::done;
  };
}

}  // namespace

const Command kHelp{.name = "help",
                    .summary = "Explain a command or a topic: environment, exit-status, output",
                    .attach = attach,
                    .reads_settings = false};

}  // namespace nexakey::cli
