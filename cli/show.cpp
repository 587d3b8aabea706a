#include <memory>

#include "cli/command.h"
#include "cli/key_argument.h"
#include "cli/key_view.h"

namespace nexakey::cli {
namespace {

constexpr const char* kExamples =
    "nexakey show crm\n"
    "nexakey show key_9f3k -o json\n"
    "nexakey show - < leaked.txt";

Runner attach(Arguments& app) {
  const auto argument = std::make_shared<std::string>();
  app.add_option("KEY", *argument, kKeyArgument)->type_name("KEY")->required();
  app.footer(kExamples);
  return [argument](Context& context) {
    const auto store = context.open_store();
    print_key(context, find_key(context, *store, *argument, Namesakes::or_ended));
    return ExitStatus::done;
  };
}

}  // namespace

const Command kShow{"show", "Show the properties of a key", attach};

}  // namespace nexakey::cli
