#include <algorithm>
#include <memory>
#include <set>
#include <span>
#include <tuple>

#include "cli/actor.h"
#include "cli/baseline.h"
#include "cli/command.h"
#include "cli/confirm_keys.h"
#include "cli/input.h"
#include "cli/key_view.h"
#include "cli/leak_report.h"
#include "cli/progress.h"
#include "cli/scanner_rules.h"
#include "core/text.h"
#include "scan/file_scan.h"
#include "scan/git_origins.h"
#include "scan/git_scan.h"

namespace nexakey::cli {
namespace {

constexpr const char* kExamples =
    "nexakey scan\n"
    "nexakey scan src config.tar.gz --revoke\n"
    "git diff | nexakey scan -\n"
    "nexakey scan --staged\n"
    "nexakey scan --history\n"
    "nexakey scan --history main..HEAD -o json\n"
    "nexakey scan --offline -o sarif --baseline .nexakey-baseline\n"
    "nexakey scan --print-rules gitleaks";

struct Options {
  std::vector<std::string> arguments;
  bool history = false;
  bool staged = false;
  bool ignored = false;
  bool offline = false;
  bool revoke = false;
  std::optional<std::string> baseline{};
  std::optional<std::string> new_baseline{};
  std::optional<std::string> print_rules{};
};

/// How much was searched so far: "files searched: 12 (3.4 MiB)".
std::string searched_text(const scan::Searched& searched, const Options& options) {
  return (options.history ? "objects searched: " : "files searched: ") +
         std::to_string(searched.documents) + " (" + readable_size(searched.bytes) + ")";
}

/// Whether the text to search is typed, or pasted, into a terminal.
bool is_typed(const Context& context, const Options& options) {
  return context.terminal.input && !options.history &&
         std::ranges::find(options.arguments, "-") != options.arguments.end();
}

std::vector<scan::FoundLeak> search(const Options& options, scan::LeakSink& sink) {
  const auto scan = [&] {
    if (options.history) {
      return scan::scan_history(options.arguments, sink);
    }
    if (options.staged) {
      return scan::scan_staged(sink);
    }
    return scan::scan_paths(
        options.arguments.empty() ? std::vector<std::string>{"."} : options.arguments,
        options.ignored, sink);
  };
  value_of(scan());
  return sink.take();
}

/// Whether a find is reported: a key of the store anywhere, or text in the format of a key. With
/// --offline, placeholders are not reported.
bool is_reported(const scan::FoundLeak& found, const Options& options, const KnownKeys& known) {
  return known.contains(found.leak.hash) ||
         (!found.leak.runs_on && !(options.offline && found.leak.placeholder));
}

auto order_of(const Finding& finding) {
  const scan::DocumentPlace& document = finding.found.document;
  const scan::TextPosition& position = finding.found.position;
  return std::tie(document.path, document.commit, document.object, document.member, position.line,
                  position.column);
}

std::vector<Finding> make_findings(std::vector<scan::FoundLeak> found, const KnownKeys& known) {
  std::vector<Finding> findings;
  for (scan::FoundLeak& leak : found) {
    const auto key = known.find(leak.leak.hash);
    findings.push_back(
        {std::move(leak), key == known.end() ? std::nullopt : std::optional(key->second)});
  }
  std::ranges::sort(findings,
                    [](const Finding& a, const Finding& b) { return order_of(a) < order_of(b); });
  return findings;
}

/// The first finding of each live key.
std::vector<const Finding*> live_findings(const std::vector<Finding>& findings, core::Time now) {
  std::set<core::KeyHash> seen;
  std::vector<const Finding*> live;
  for (const Finding& finding : findings) {
    if (finding.is_live(now) && seen.insert(finding.key->hash).second) {
      live.push_back(&finding);
    }
  }
  return live;
}

std::string reason_for(const Finding& finding) {
  constexpr std::size_t kMaxReasonLength = 200;
  const std::string reason = "leaked: " + core::fit(place_text(finding.found), kMaxReasonLength);
  return core::check_description(reason) ? reason : "leaked";
}

/// Revokes the live keys after a confirmation, and updates the findings.
void revoke_live(const Context& context, store::KeyStore& store, std::vector<Finding>& findings) {
  const auto live = live_findings(findings, context.now());
  if (live.empty()) {
    return;
  }
  std::vector<core::Key> keys;
  std::ranges::transform(live, std::back_inserter(keys), [](const Finding* f) { return *f->key; });
  confirm_keys(context, keys, {.verb = "Revoke", .action = "revoking"});
  KnownKeys revoked;
  for (const Finding* const finding : live) {
    const core::KeyId id = finding->key->id;
    for (core::Key& key :
         value_of(store.as(local_actor())
                      .revoke(std::span(&id, 1), reason_for(*finding), context.now()))) {
      revoked.emplace(key.hash, std::move(key));
    }
  }
  for (Finding& finding : findings) {
    if (const auto key = revoked.find(finding.found.leak.hash); key != revoked.end()) {
      finding.key = key->second;
    }
  }
}

void check(const Options& options) {
  const auto refuse = [](const char* what, const char* hint) {
    throw Failure{{core::ErrorCode::usage, what, hint}};
  };
  if (options.history && options.staged) {
    refuse("--staged contradicts --history", "leave one of them out");
  }
  if (options.staged && !options.arguments.empty()) {
    refuse("--staged takes no paths", "leave the paths out");
  }
  if (options.ignored && (options.history || options.staged)) {
    refuse("--no-ignore is about files", "leave it out with --history and --staged");
  }
  if (options.revoke && options.offline) {
    refuse("--revoke contradicts --offline", "leave one of them out");
  }
}

ExitStatus print_rules(Context& context, const std::string& scanner) {
  const std::string_view rule = scanner_rule(scanner);
  if (rule.empty()) {
    throw Failure{{core::ErrorCode::usage, "no rules for " + core::quote(scanner),
                   "use gitleaks or trufflehog"}};
  }
  context.out.write(rule);
  return ExitStatus::done;
}

/// The findings that are reported, after the live keys were revoked if that is wanted.
std::vector<Finding> settle(const Context& context, const Options& options, store::KeyStore* store,
                            std::vector<Finding> findings, const Baseline& baseline) {
  if (options.revoke) {
    revoke_live(context, *store, findings);
  }
  if (options.new_baseline) {
    write_baseline(*options.new_baseline, findings, context.now());
  }
  remove_accepted(findings, baseline, context.now());
  return findings;
}

ExitStatus run(Context& context, const Options& options) {
  if (options.print_rules) {
    return print_rules(context, *options.print_rules);
  }
  check(options);
  const Baseline baseline = options.baseline ? read_baseline(*options.baseline) : Baseline();
  const auto store = options.offline ? nullptr : context.open_store();
  Progress progress(context);
  const auto note = [&](std::string_view message) {
    progress.print("nexakey: " + std::string(message));
  };
  scan::LeakSink sink(note);
  std::vector<scan::FoundLeak> found;
  if (is_typed(context, options)) {
    note_waiting(context, "the text to search");
    found = search(options, sink);
  } else {
    const ProgressTicker ticker(progress, [&] { return searched_text(sink.searched(), options); });
    found = search(options, sink);
  }
  const KnownKeys known = store ? look_up(context, *store, found) : KnownKeys();
  std::erase_if(found,
                [&](const scan::FoundLeak& leak) { return !is_reported(leak, options, known); });
  if (options.history) {
    const ProgressTicker ticker(progress, std::string("naming the commits"));
    found = scan::attribute(std::move(found), options.arguments, note);
  }
  progress.clear();
  const std::vector<Finding> findings =
      settle(context, options, store.get(), make_findings(std::move(found), known), baseline);
  print_findings(context, findings);
  const bool has_leaked =
      options.offline ? !findings.empty() : !live_findings(findings, context.now()).empty();
  if (has_leaked) {
    return ExitStatus::leaked;
  }
  return sink.is_complete() ? ExitStatus::done : ExitStatus::failed;
}

Runner attach(Arguments& app) {
  const auto options = std::make_shared<Options>();
  app.add_option("PATH", options->arguments,
                 "Files, folders, or - for standard input (default: .); with --history, revisions")
      ->type_name("FILE");
  app.add_flag("--history", options->history, "Search all objects of the git repository");
  app.add_flag("--staged", options->staged, "Search what git commit would commit");
  app.add_flag("--no-ignore", options->ignored, "Search files that git ignores too");
  app.add_flag("--offline", options->offline,
               "Do not use the store; report everything in key format");
  app.add_flag("--revoke", options->revoke, "Revoke the live keys that are found");
  app.add_option("--baseline", options->baseline, "Accept the finds in this file")
      ->type_name("FILE");
  app.add_option("--write-baseline", options->new_baseline,
                 "Write the finds to this file, except those of live keys")
      ->type_name("FILE");
  app.add_option("--print-rules", options->print_rules,
                 "Print a rule for another scanner: gitleaks or trufflehog")
      ->type_name("SCANNER");
  app.footer(kExamples);
  return [options](Context& context) { return run(context, *options); };
}

}  // namespace

const Command kScan{.name = "scan",
                    .summary = "Find keys that leaked, and which of them are live",
                    .attach = attach,
                    .prints_sarif = true};

}  // namespace nexakey::cli
