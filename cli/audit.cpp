#include <memory>

#include "cli/audit_table.h"
#include "cli/command.h"
#include "cli/key_argument.h"
#include "cli/options.h"
#include "core/json.h"
#include "core/text.h"

namespace nexakey::cli {
namespace {

using core::AuditEntry;
using core::ErrorCode;

constexpr const char* kExamples =
    "nexakey audit --last 20\n"
    "nexakey audit --since 7d\n"
    "nexakey audit crm --action edit\n"
    "nexakey audit --check\n"
    "nexakey audit --after 1200 -o jsonl";

struct Options {
  std::optional<std::string> subject{};
  std::optional<std::string> actor{};
  std::optional<std::string> action{};
  std::optional<std::string> since{};
  std::optional<std::string> until{};
  std::optional<std::string> after{};
  std::optional<std::string> limit{};
  std::optional<std::string> last{};
  bool check = false;
  std::optional<std::string> head{};

  [[nodiscard]] bool selects() const {
    return subject || actor || action || since || until || after || limit || last;
  }
};

/// The ids of the token or the keys (see find_keys_ever) that an argument names.
std::vector<std::string> subjects_of(const Context& context, store::KeyStore& store,
                                     const std::string& argument) {
  if (const auto token = core::TokenId::parse(argument)) {
    return {token->to_string()};
  }
  if (const auto key = core::KeyId::parse(argument); key && purged_at(store, *key)) {
    return {key->to_string()};
  }
  std::vector<std::string> ids;
  for (const core::Key& key : find_keys_ever(context, store, argument)) {
    ids.push_back(key.id.to_string());
  }
  return ids;
}

core::AuditFilter make_filter(const Context& context, const Options& options) {
  core::AuditFilter filter;
  const core::Time now = context.now();
  filter.actor = options.actor;
  if (options.action) {
    filter.action = core::parse_audit_action(*options.action);
    if (!filter.action) {
      throw Failure{{ErrorCode::usage, "unknown action " + core::quote(*options.action),
                     "use create, edit, revoke, rotate, whitelist, import, restore, purge, "
                     "token_create, token_revoke, policy_set or policy_clear"}};
    }
  }
  filter.workspace = context.settings.workspace;
  if (options.since) {
    filter.since = value_of(core::parse_time_before(*options.since, now));
  }
  if (options.until) {
    filter.until = value_of(core::parse_time_before(*options.until, now));
  }
  if (options.after) {
    filter.after = parse_number(*options.after, "--after");
  }
  return filter;
}

/// Prints the log in the output format, entry by entry.
class Printer {
 public:
  explicit Printer(Context& context)
      : context_(context), table_(context), json_(context.out.buffer()) {
    if (context_.settings.format == Format::json) {
      json_.begin_object().name("entries").begin_array();
    }
  }

  void add(const AuditEntry& entry) {
    if (context_.settings.format == Format::json) {
      core::write_audit_entry(json_, entry);
      context_.out.flush_if_full();
    } else if (context_.settings.format == Format::jsonl) {
      core::JsonWriter line(context_.out.buffer());
      core::write_audit_entry(line, entry);
      context_.out.write("\n");
    } else if (context_.settings.quiet) {
      context_.out.write(std::to_string(entry.number) + "\n");
    } else {
      table_.add(entry);
    }
  }

  void finish(store::KeyStore& store, const std::optional<std::int64_t>& next) {
    if (context_.settings.format == Format::json) {
      json_.end_array().name("next_cursor");
      if (next) {
        json_.number(*next);
      } else {
        json_.null();
      }
      json_.end_object();
      context_.out.write("\n");
    } else if (context_.settings.format == Format::table && !context_.settings.quiet) {
      table_.finish(store);
    }
    if (next) {
      context_.out.flush();
      print_note("nexakey: there are more entries: continue with --after " + std::to_string(*next));
    }
  }

 private:
  Context& context_;
  AuditTable table_;
  core::JsonWriter json_;
};

ExitStatus print_log(Context& context, store::KeyStore& store, const Options& options) {
  core::AuditFilter filter = make_filter(context, options);
  const std::size_t limit = options.limit ? parse_count(*options.limit, "--limit") : SIZE_MAX;
  if (options.last) {
    filter.last = parse_count(*options.last, "--last");
  }
  if (options.subject) {
    filter.subjects = subjects_of(context, store, *options.subject);
  }
  Printer printer(context);
  const auto next = value_of(store.audit(filter, limit, [&](const AuditEntry& entry) {
    printer.add(entry);
    return true;
  }));
  printer.finish(store, next);
  return ExitStatus::done;
}

void print_head(Context& context, const core::AuditHead& head, bool is_check) {
  if (context.settings.format != Format::table) {
    core::JsonWriter json(context.out.buffer());
    json.begin_object();
    if (is_check) {
      json.name("whole").boolean(true);
    }
    json.name("head");
    core::write_audit_head(json, head);
    json.end_object();
    context.out.write("\n");
  } else if (!is_check) {
    context.out.write(head.to_string() + "\n");
  } else if (!context.settings.quiet) {
    context.out.write("the log is intact: " + head.to_string() + "\n");
  }
}

ExitStatus check_log(Context& context, store::KeyStore& store, const Options& options) {
  std::optional<core::AuditHead> known;
  if (options.head) {
    known = value_of(core::AuditHead::parse(*options.head));
  }
  core::AuditChecker checker(known);
  value_of(store.audit({}, SIZE_MAX, [&](const AuditEntry& entry) { return checker.add(entry); }));
  print_head(context, value_of(checker.finish()), true);
  return ExitStatus::done;
}

ExitStatus run(Context& context, const Options& options) {
  if ((options.check || options.head) && options.selects()) {
    throw Failure{{ErrorCode::usage, "--check and --head apply to the whole log",
                   "remove the other options"}};
  }
  if (!options.check && options.head && !options.head->empty()) {
    throw Failure{{ErrorCode::usage, "--head HEAD is only for --check", "add --check"}};
  }
  if (options.last && (options.limit || options.after)) {
    throw Failure{{ErrorCode::usage, "--last cannot be combined with --limit or --after",
                   "use --last for the newest entries, or --after and --limit for pages"}};
  }
  const auto store = context.open_store();
  if (options.check) {
    return check_log(context, *store, options);
  }
  if (options.head) {
    print_head(context, value_of(store->audit_head()), false);
    return ExitStatus::done;
  }
  return print_log(context, *store, options);
}

Runner attach(Arguments& app) {
  const auto options = std::make_shared<Options>();
  app.add_option("KEY", options->subject, "A key as for show, in any state, or the id of a token")
      ->type_name("KEY");
  app.add_option("--actor", options->actor, "Changes by this user or token")->type_name("NAME");
  app.add_option("--action", options->action, "Changes of this kind")
      ->type_name(
          "create|edit|revoke|rotate|whitelist|import|restore|purge|token_create|token_revoke|"
          "policy_set|policy_clear");
  app.add_option("--since", options->since, "Changes since: 7d or a time")
      ->type_name("DURATION|TIME");
  app.add_option("--until", options->until, "Changes before: 7d or a time")
      ->type_name("DURATION|TIME");
  app.add_option("--last", options->last, "The newest N entries, newest last")->type_name("N");
  app.add_option("--after", options->after, "Entries after this number")->type_name("N");
  app.add_option("--limit", options->limit, "At most N entries")->type_name("N");
  app.add_flag("--check", options->check, "Check the hash chain of the whole log");
  app.add_option("--head", options->head,
                 "Print the head of the log; with --check, a head printed before")
      ->type_name("HEAD")
      ->expected(0, 1);
  app.footer(kExamples);
  return [options](Context& context) { return run(context, *options); };
}

}  // namespace

const Command kAudit{"audit", "Show the log of changes", attach};

}  // namespace nexakey::cli
