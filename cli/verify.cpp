#include <memory>
#include <optional>
#include <utility>

#include "cli/batch.h"
#include "cli/command.h"
#include "cli/key_argument.h"
#include "cli/key_view.h"
#include "cli/secret_file.h"
#include "cli/wrap.h"
#include "core/endpoint.h"
#include "core/json.h"
#include "core/text.h"

namespace nexakey::cli {
namespace {

constexpr const char* kExamples =
    "nexakey verify --method POST --path /v1/leads --ip 203.0.113.7 < key.txt\n"
    "NEXAKEY_KEY=$KEY nexakey verify --quiet && echo allowed\n"
    "nexakey verify --key-file ci.key --dry-run --explain\n"
    "nexakey verify crm --dry-run --explain --ip 203.0.113.7\n"
    "nexakey verify --batch < requests.jsonl > decisions.jsonl";

struct Options {
  std::optional<std::string> key{};
  std::optional<std::string> key_file{};
  std::string method = "GET";
  std::string path = "/";
  std::optional<std::string> ip{};
  bool dry_run = false;
  bool explain = false;
  bool batch = false;
};

core::Secret read_key(const Context& context, const Options& options) {
  if (options.key_file) {
    // Others may be allowed to read the file, as in a mounted configuration.
    return value_of(read_secret_file(*options.key_file, "key"));
  }
  if (auto key = options.key ? std::nullopt : environment("NEXAKEY_KEY")) {
    return secret_of(std::move(*key));
  }
  return read_secret(context.terminal, "Key: ");
}

/// Whether the argument names a key whose secret the caller does not have. `-` is standard input.
bool names_key(const Options& options) { return options.key && *options.key != "-"; }

void check_key_argument(const Options& options) {
  if (names_key(options) && !options.dry_run) {
    throw Failure{{core::ErrorCode::usage, "a KEY can only be asked about with --dry-run",
                   "add --dry-run, or pass the key itself on standard input"}};
  }
}

core::Request make_request(const Context& context, store::KeyStore* store, const Options& options) {
  core::Request request;
  value_of(core::check_method(options.method));
  value_of(core::check_path(options.path));
  request.method = options.method;
  request.path = options.path;
  request.workspace = context.settings.workspace;
  if (options.ip) {
    request.ip = core::IpAddress::parse(*options.ip);
    if (!request.ip) {
      throw Failure{{core::ErrorCode::usage,
                     core::quote(*options.ip) + " is not an IPv4 or IPv6 address", ""}};
    }
  }
  if (store != nullptr) {
    request.credential = core::Credential::key;
    request.key_id = find_key(context, *store, *options.key, Namesakes::or_ended).id;
  } else {
    core::set_credential(request, read_key(context, options).reveal());
  }
  return request;
}

/// All checks in their order. In a terminal, what was found is broken into lines, and never cut.
std::string render_checks(const KeyView& view, const std::vector<core::Check>& checks) {
  constexpr std::size_t kBefore = 25;  // the widths of the columns before FOUND
  const auto width = view.style().width;
  const std::size_t room = width ? std::max(*width, kBefore + 1) - kBefore : SIZE_MAX;
  Table table({{"CHECK"}, {"RESULT"}, {"FOUND"}});
  for (const core::Check& check : checks) {
    std::string name = check.name;
    Cell result = check.passed ? Cell("passed", Style::good) : Cell("failed", Style::bad);
    for (const std::string& part : wrap(core::printable(check.found), room)) {
      table.add({std::exchange(name, ""), std::exchange(result, ""), part});
    }
  }
  for (const std::string_view name : core::checks_after(checks.back().name)) {
    table.add({std::string(name), Cell("not reached", Style::dim), ""});
  }
  return table.render({.width = std::nullopt, .color = view.style().color});
}

/// The status line and the headers of an HTTP response.
std::string render(const Context& context, const store::Verification& verification) {
  const KeyView view(context);
  const core::Decision& decision = verification.decision;
  std::string text = std::to_string(core::status_of(decision.reason)) + " " +
                     std::string(core::name_of(decision.reason));
  text += decision.key_id ? " " + decision.key_id->to_string() + "\n" : "\n";
  for (const auto& [name, value] : decision.headers()) {
    text += std::string(name) + ": " + value + "\n";
  }
  return verification.checks.empty() ? text
                                     : text + "\n" + render_checks(view, verification.checks);
}

ExitStatus run(Context& context, const Options& options) {
  const store::VerifyOptions how{
      .counting = options.dry_run ? store::Counting::dry_run : store::Counting::counted,
      .explain = options.explain};
  if (options.batch) {
    return verify_batch(context, *context.open_store(), how);
  }
  check_key_argument(options);
  // A key is read before the store is opened, so that a prompt comes first.
  auto store = names_key(options) ? context.open_store() : nullptr;
  const core::Request request = make_request(context, store.get(), options);
  if (!store) {
    store = context.open_store();
  }
  const auto verification = std::move(value_of(store->verify(std::span(&request, 1), how)).front());
  if (context.settings.format != Format::table) {
    core::JsonWriter json(context.out.buffer());
    core::write_decision(json, verification.decision, verification.checks);
    context.out.write("\n");
  } else if (!context.settings.quiet) {
    context.out.write(render(context, verification));
  }
  return exit_status_of(verification.decision);
}

Runner attach(Arguments& app) {
  const auto options = std::make_shared<Options>();
  auto* const key =
      app.add_option("KEY", options->key,
                     "With --dry-run: a key as for show, in any state, in place of its secret");
  key->type_name("KEY");
  auto* const batch = app.add_flag("--batch", options->batch,
                                   "Read requests from standard input, one JSON object per line");
  key->excludes(batch);
  app.add_option("--key-file", options->key_file,
                 "Read the key from this file (default: NEXAKEY_KEY, then standard input)")
      ->type_name("FILE")
      ->excludes(batch)
      ->excludes(key);
  app.add_option("--method", options->method, "The method of the request (default: GET)")
      ->type_name("METHOD")
      ->excludes(batch);
  app.add_option("--path", options->path, "The path of the request (default: /)")
      ->type_name("PATH")
      ->excludes(batch);
  app.add_option("--ip", options->ip, "The client's address (default: unknown)")
      ->type_name("IP")
      ->excludes(batch);
  app.add_flag("--dry-run", options->dry_run, "Do not count the request or use the rate limit");
  app.add_flag("--explain", options->explain, "Show each check and its result");
  app.footer(kExamples);
  return [options](Context& context) { return run(context, *options); };
}

}  // namespace

const Command kVerify{"verify", "Decide whether a request is allowed", attach};

}  // namespace nexakey::cli
