#include <algorithm>
#include <memory>
#include <set>

#include "cli/command.h"
#include "cli/filter_options.h"
#include "cli/key_argument.h"
#include "cli/key_view.h"
#include "cli/options.h"
#include "cli/rotation.h"
#include "cli/rotation_file.h"
#include "core/json.h"
#include "core/text.h"
#include "system/random.h"

namespace nexakey::cli {
namespace {

using core::ErrorCode;
using core::Key;
using core::Rotated;
using core::Rotation;

constexpr const char* kExamples =
    "nexakey rotate crm --grace 24h --key-file /etc/crm/api.key\n"
    "nexakey rotate --older-than 30d --grace 2d --key-file /etc/keys --quiet\n"
    "nexakey rotate crm --yes --quiet";

struct Options {
  std::vector<std::string> keys;
  FilterOptions filter;
  std::optional<std::string> grace{};
  std::optional<std::string> expires{};
  std::optional<std::string> key_file{};
  bool dry_run = false;
};

Terms read_terms(const Context& context, const Options& options) {
  Terms terms;
  if (options.grace && options.grace != "0" && options.grace != "0s") {
    terms.grace = value_of(core::parse_duration(*options.grace));
  }
  if (options.expires == "never") {
    terms.expires_at.emplace();
  } else if (options.expires) {
    terms.expires_at = parse_expiry(*options.expires, context.now(), "the successor");
  }
  return terms;
}

/// The file of a key in a folder.
std::filesystem::path file_in(const std::filesystem::path& folder, const Key& key) {
  if (key.name == key.id.to_string()) {
    throw Failure{{ErrorCode::usage,
                   key.name + " has no name to use for a file in " + folder.string(),
                   "rotate it by itself, with --key-file FILE"}};
  }
  return folder / file_name_of(key.name);
}

std::vector<Target> choose_targets(const std::vector<Key>& keys, const Options& options) {
  std::vector<Target> targets;
  const bool is_folder = options.key_file && std::filesystem::is_directory(*options.key_file);
  if (options.key_file && !is_folder && (options.keys.size() != 1)) {
    throw Failure{{ErrorCode::usage,
                   *options.key_file + " is not a folder, which several keys need",
                   "create it first"}};
  }
  std::set<std::filesystem::path> files;
  for (const Key& key : keys) {
    Target target{.key = key, .file = options.key_file};
    if (is_folder) {
      target.file = file_in(*options.key_file, key);
      if (!files.insert(*target.file).second) {
        throw Failure{{ErrorCode::conflict,
                       "two of the keys would be written to " + target.file->string(),
                       "rotate them one by one, with --key-file FILE"}};
      }
    }
    targets.push_back(std::move(target));
  }
  return targets;
}

std::vector<Key> choose_keys(const Context& context, store::KeyStore& store,
                             const Options& options) {
  if (!options.keys.empty()) {
    return find_keys(context, store, options.keys);
  }
  core::KeyFilter filter = options.filter.filter(context);
  filter.newest_of_line = true;
  return select_keys(context, store, filter);
}

/// The state of the old key. Its expiry is relative to the current time: relative to the start of
/// the command, a grace of 2 days would end a moment after "in 2 days".
std::string fate(const Context& context, const Key& previous) {
  return previous.revoked_at ? "revoked" : "expires " + KeyView(context).time(previous.expires_at);
}

/// Prints rotations in the output format, one by one.
class Printer {
 public:
  explicit Printer(Context& context) : context_(context), view_(context) {
    if (context_.settings.format == Format::json) {
      context_.out.write("{\"rotated\":[");
    }
  }

  /// Prints and flushes a rotation. `secret` is null for a key that was written to a file.
  void add(const Rotated& rotated, const core::Secret* secret) {
    if (context_.settings.format != Format::table) {
      add_json(&rotated.successor, secret, rotated.previous);
    } else if (context_.settings.quiet) {
      show(secret);
    } else if (secret == nullptr) {
      table_.add({rotated.successor.id.to_string(), rotated.successor.name,
                  rotated.previous.id.to_string(), fate(context_, rotated.previous)});
    } else {
      context_.out.write(view_.fields(rotated.successor) + "\n");
      show(secret);
      print_note("This key is shown only once; the old one, " + rotated.previous.id.to_string() +
                 ", " +
                 (rotated.previous.revoked_at ? "is revoked" : fate(context_, rotated.previous)));
    }
    context_.out.flush();
    ++count_;
  }

  /// Prints a key that would be rotated.
  void add_due(const Key& key) {
    if (context_.settings.format != Format::table) {
      add_json(nullptr, nullptr, key);
    } else if (context_.settings.quiet) {
      context_.out.write(key.id.to_string() + "\n");
    } else {
      table_.add({"-", key.name, key.id.to_string(), "-"});
    }
    ++count_;
  }

  /// Ends the output after an error, with the keys that were rotated before.
  void finish_early() {
    if (count_ > 0 || context_.settings.format == Format::json) {
      finish();
    }
  }

  void finish() {
    if (context_.settings.format == Format::json) {
      context_.out.write("]}\n");
    } else if (!table_.empty()) {
      context_.out.write(table_.render(view_.style()));
    } else if (count_ == 0 && context_.settings.format == Format::table &&
               !context_.settings.quiet) {
      print_note("no keys");
    }
    context_.out.flush();
  }

 private:
  void show(const core::Secret* secret) {
    if (secret != nullptr) {
      context_.out.write(core::Secret(std::string(secret->reveal()) + "\n"));
    }
  }

  void add_json(const Key* successor, const core::Secret* secret, const Key& previous) {
    const core::Time now = context_.now();
    const bool is_document = context_.settings.format == Format::json;
    if (is_document && count_ > 0) {
      context_.out.write(",");
    }
    write_with_secret(
        context_.out, "key",
        [&](core::JsonWriter& json) {
          if (successor == nullptr) {
            json.null();
          } else {
            core::write_key(json, *successor, now);
          }
          json.name("previous");
          core::write_key(json, previous, now);
        },
        secret, is_document ? "" : "\n");
  }

  Context& context_;
  KeyView view_;
  Table table_{{{"NEW ID"}, {"NAME", false, true}, {"OLD ID"}, {"OLD KEY"}}};
  std::size_t count_ = 0;
};

/// Shows the new key before it is stored. So a completed rotation has always been shown, and if the
/// key cannot be shown, nothing is changed.
void rotate_and_show(const Context& context, store::KeyStore& store, const Key& key,
                     const Terms& terms, Printer& printer) {
  const core::Secret secret = core::generate_api_key(system::random_bytes);
  const core::Time now = context.now();
  const Rotation rotation = make_rotation(terms, secret, now);
  printer.add(value_of(core::rotate(key, rotation, now)), &secret);
  try {
    rotate_in_store(context, store, key, rotation);
  } catch (Failure& failure) {
    failure.error.hint =
        "check the key that was shown, " + rotation.successor.to_string() + ", with nexakey verify";
    throw;
  }
}

void rotate_all(Context& context, store::KeyStore& store, const std::vector<Target>& targets,
                const Terms& terms, Printer& printer) {
  try {
    for (const Target& target : targets) {
      if (target.file) {
        printer.add(rotate_into_file(context, store, target, terms), nullptr);
      } else {
        rotate_and_show(context, store, target.key, terms, printer);
      }
    }
  } catch (const Failure&) {
    printer.finish_early();
    throw;
  }
  printer.finish();
}

ExitStatus run(Context& context, const Options& options) {
  options.filter.check_alternative(options.keys);
  const Terms terms = read_terms(context, options);
  const auto store = context.open_store();
  const auto targets = choose_targets(choose_keys(context, *store, options), options);
  if (options.dry_run) {
    Printer printer(context);
    for (const Target& target : targets) {
      printer.add_due(target.key);
    }
    printer.finish();
    return ExitStatus::done;
  }
  if (terms.grace == std::chrono::seconds::zero() && !targets.empty()) {
    std::vector<Key> keys;
    std::ranges::transform(targets, std::back_inserter(keys), &Target::key);
    const std::string names = describe(keys);
    context.require_yes("Rotate " + names + " and revoke the old keys?",
                        "rotating " + names + " without --grace");
  }
  Printer printer(context);
  if (options.key_file && options.keys.empty()) {
    for (const Rotated& rotated : finish_folder(context, *store, *options.key_file)) {
      printer.add(rotated, nullptr);
    }
  }
  rotate_all(context, *store, targets, terms, printer);
  return ExitStatus::done;
}

Runner attach(Arguments& app) {
  const auto options = std::make_shared<Options>();
  app.add_option("KEY", options->keys, kKeyArgument)->type_name("KEY");
  app.add_option("--grace", options->grace, "How long the old key remains valid (default: 0)")
      ->type_name("DURATION");
  app.add_option("--expires", options->expires,
                 "When the successor expires (default: same lifetime)")
      ->type_name("DURATION|TIME|never");
  app.add_option("--key-file", options->key_file,
                 "Replace the key in this file, or in the file of its name in this folder")
      ->type_name("PATH");
  app.add_flag("--dry-run", options->dry_run, "Show the keys and change nothing");
  options->filter.add_selection_to(app);
  app.footer(kExamples);
  return [options](Context& context) { return run(context, *options); };
}

}  // namespace

const Command kRotate{"rotate", "Replace keys with new ones", attach};

}  // namespace nexakey::cli
