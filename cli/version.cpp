#include "cli/command.h"

namespace nexakey::cli {
namespace {

Runner attach(Arguments& app) {
  app.footer("nexakey version");
  return [](Context& context) {
    context.out.write(kVersionLine);
    return ExitStatus::done;
  };
}

}  // namespace

const std::string_view kVersionLine = "nexakey " NEXAKEY_VERSION "\n";

const Command kVersion{
    .name = "version", .summary = "Show the version", .attach = attach, .reads_settings = false};

}  // namespace nexakey::cli
