#include "cli/rotation_printer.h"

#include <string>
#include <utility>

#include "cli/output.h"
#include "cli/print_table.h"
#include "core/json.h"

namespace nexakey::cli {

using core::Key;
using core::Rotated;

namespace {

/// The state of the old key. Its expiry is relative to the current time: relative to the start of
/// the command, a grace of 2 days would end a moment after "in 2 days".
std::string fate(const Context& context, const Key& previous) {
  return previous.revoked_at ? "revoked" : "expires " + KeyView(context).time(previous.expires_at);
}

}  // namespace

RotationPrinter::RotationPrinter(Context& context) : context_(context), view_(context) {
  if (context_.settings.format == Format::json) {
    context_.out.write("{\"rotated\":[");
  }
}

void RotationPrinter::add(const Rotated& rotated, const core::Secret* secret) {
  if (context_.settings.env_output) {
    print_as_variable(context_, *secret);
  } else if (context_.settings.format != Format::table) {
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

void RotationPrinter::add_due(const Key& key) {
  if (context_.settings.format != Format::table) {
    add_json(nullptr, nullptr, key);
  } else if (context_.settings.quiet) {
    context_.out.write(key.id.to_string() + "\n");
  } else {
    table_.add({"-", key.name, key.id.to_string(), "-"});
  }
  ++count_;
}

void RotationPrinter::finish_early() {
  if (count_ > 0 || context_.settings.format == Format::json) {
    finish();
  }
}

void RotationPrinter::finish() {
  if (context_.settings.format == Format::json) {
    context_.out.write("]}\n");
  } else if (!table_.empty()) {
    print_table(context_, std::move(table_));
  } else if (count_ == 0 && context_.settings.format == Format::table && !context_.settings.quiet) {
    print_note("no keys");
  }
  context_.out.flush();
}

void RotationPrinter::show(const core::Secret* secret) {
  if (secret != nullptr) {
    context_.out.write(core::Secret(std::string(secret->reveal()) + "\n"));
  }
}

void RotationPrinter::add_json(const Key* successor, const core::Secret* secret,
                               const Key& previous) {
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

}  // namespace nexakey::cli
