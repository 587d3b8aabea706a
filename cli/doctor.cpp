#include <algorithm>
#include <memory>
#include <vector>

#include "cli/access.h"
#include "cli/command.h"
#include "cli/doctor_settings.h"
#include "cli/key_view.h"
#include "cli/options.h"
#include "cli/table.h"

namespace nexakey::cli {
namespace {

using store::Finding;
using store::Health;

constexpr const char* kExamples =
    "nexakey doctor\n"
    "nexakey doctor --quiet || mail -s 'nexakey doctor failed' root < /dev/null\n"
    "nexakey doctor --secret-file gateway.token -o json";

struct Options {
  std::vector<std::string> secret_files;
};

Style style_of(Health health) {
  switch (health) {
    case Health::ok:
      return Style::good;
    case Health::problem:
      return Style::bad;
    case Health::warning:
      break;
  }
  return Style::plain;
}

void write_finding(core::JsonWriter& json, const Finding& finding) {
  json.begin_object()
      .name("check")
      .string(finding.check)
      .name("status")
      .plain(name_of(finding.status))
      .name("found")
      .string(finding.found)
      .name("advice");
  if (finding.advice.empty()) {
    json.null();
  } else {
    json.string(finding.advice);
  }
  json.end_object();
}

Health worst_of(const std::vector<Finding>& findings) {
  return findings.empty() ? Health::ok
                          : std::ranges::max_element(findings, {}, &Finding::status)->status;
}

void print_json(Context& context, const std::vector<Finding>& findings) {
  core::JsonWriter json(context.out.buffer());
  json.begin_object().name("checks").begin_array();
  for (const Finding& finding : findings) {
    write_finding(json, finding);
  }
  json.end_array().name("status").plain(name_of(worst_of(findings))).end_object();
  context.out.write("\n");
}

void print_lines(Context& context, const std::vector<Finding>& findings) {
  for (const Finding& finding : findings) {
    core::JsonWriter json(context.out.buffer());
    write_finding(json, finding);
    context.out.write("\n");
  }
}

/// Prints the findings complete, regardless of the width of the terminal.
void print_table(Context& context, const std::vector<Finding>& findings) {
  Table table({{"CHECK"}, {"STATUS"}, {"FOUND"}});
  for (const Finding& finding : findings) {
    if (context.settings.quiet && finding.status != Health::problem) {
      continue;
    }
    table.add({finding.check, Cell(std::string(name_of(finding.status)), style_of(finding.status)),
               finding.found + (finding.advice.empty() ? "" : ": " + finding.advice)});
  }
  if (!table.empty()) {
    context.out.write(table.render({.width = std::nullopt, .color = context.settings.color}));
  }
}

void print_findings(Context& context, const std::vector<Finding>& findings) {
  switch (context.settings.format) {
    case Format::table:
      print_table(context, findings);
      break;
    case Format::json:
      print_json(context, findings);
      break;
    case Format::jsonl:
      print_lines(context, findings);
      break;
  }
}

ExitStatus run(Context& context, const Options& options) {
  std::vector<Finding> findings;
  const auto keep = [&](const Finding& finding) {
    findings.push_back(finding);
    findings.back().found = core::mask_credentials(finding.found);
  };
  check_settings(context.settings, keep);
  std::vector<std::string> secret_files = options.secret_files;
  if (context.settings.token_file && store::is_remote(context.settings.store.value)) {
    secret_files.push_back(context.settings.token_file->value);
  }
  for (const std::string& path : secret_files) {
    check_secret_file(path, keep);
  }
  const auto checked = store::check(context.settings.store.value, context.now(), keep,
                                    remote_access(context.settings), context.settings.kept);
  if (!checked) {
    keep({.check = "store",
          .status = Health::problem,
          .found = checked.error().message,
          .advice = checked.error().hint});
  }
  print_findings(context, findings);
  if (!checked) {
    return exit_status_of(checked.error().code);
  }
  return worst_of(findings) == Health::problem ? ExitStatus::failed : ExitStatus::done;
}

Runner attach(Arguments& app) {
  const auto options = std::make_shared<Options>();
  add_list_option(app, "--secret-file", options->secret_files,
                  "Also check this file with a key or a token")
      ->type_name("FILE");
  app.footer(kExamples);
  return [options](Context& context) { return run(context, *options); };
}

}  // namespace

const Command kDoctor{"doctor", "Check the store, its files, the settings and the clock", attach};

}  // namespace nexakey::cli
