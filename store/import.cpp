#include "store/import.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "store/accepted_import.h"
#include "store/change.h"
#include "store/import_batch.h"

namespace nexakey::store {
namespace {

using core::ImportOptions;
using core::ImportSummary;

/// An import that was checked, and what it would do.
struct CheckedImport {
  ImportContent content;
  ImportSummary summary;
};

Result<std::string> read_part(Engine& engine, core::ImportId id, std::uint32_t number) {
  std::optional<std::string> part;
  if (const auto read = engine.read([&](Tables& tables) { part = tables.find_part(id, number); });
      !read) {
    return tl::unexpected(read.error());
  }
  if (!part) {
    return core::fail(core::ErrorCode::not_found, "a part of the import is missing",
                      "import it again");
  }
  return *std::move(part);
}

/// Counts before this time are compared by the day: the store has folded some of them, or will.
core::Time end_of_days(Tables& tables, core::Time cutoff) {
  const auto folded = tables.last_folded_day();
  return folded ? std::max(cutoff, *folded + std::chrono::days(1)) : cutoff;
}

/// What happens to the log of an import. A store without a log continues that of the import.
core::ImportedAudit outcome_for_log(Tables& tables, const core::AuditHead& own,
                                    const ImportContent& content) {
  const std::uint64_t entries = content.counts.audit;
  if (own.number == 0) {
    return {.added = entries};
  }
  const core::AuditHead& head = content.audit_head;
  const bool is_known = head.number > 0 && tables.audit_point(head.number).has(head);
  return is_known ? core::ImportedAudit{.unchanged = entries}
                  : core::ImportedAudit{.left_out = entries};
}

/// After a conflict, nothing is done.
ImportSummary conflicts_of(ImportSummary summary) {
  for (core::ImportCounts* counts : {&summary.tokens, &summary.keys, &summary.usage}) {
    counts->added = counts->changed = 0;
  }
  summary.audit.added = 0;
  return summary;
}

Result<CheckedImport> check(Engine& engine, const AcceptedImport& import,
                            const ImportOptions& options) {
  // The larger of two counts is kept, so the tables must have all of them.
  if (const auto flushed = engine.flush(); !flushed) {
    return tl::unexpected(flushed.error());
  }
  core::Time cutoff;
  if (const auto read =
          engine.read([&](Tables& tables) { cutoff = end_of_days(tables, import.cutoff); });
      !read) {
    return tl::unexpected(read.error());
  }
  ImportSummary summary;
  const ImportParts parts{.count = import.parts, .read = [&](std::uint32_t number) {
                            return read_part(engine, import.id, number);
                          }};
  auto content = read_import(parts, options, cutoff, [&](const ImportBatch& batch) {
    return engine.view([&](Tables& tables) { compare(tables, batch, import, summary); });
  });
  if (!content) {
    return tl::unexpected(content.error());
  }
  return engine
      .view([&](Tables& tables) {
        summary.audit = outcome_for_log(tables, tables.audit_head(), *content);
      })
      .map([&] {
        if (summary.conflict_count > 0) {
          summary = conflicts_of(std::move(summary));
        }
        return CheckedImport{*std::move(content), std::move(summary)};
      });
}

/// The error of what follows the acceptance of an import.
core::Error after_acceptance(core::Error error) {
  error.message +=
      "; the import is accepted, and the next command that can use the store finishes it";
  error.hint = "run the command again to see its outcome";
  return error;
}

/// Accepts an import. If it changes nothing, that is its outcome.
Result<void> accept(Engine& engine, AcceptedImport import, const CheckedImport& checked) {
  return engine.write(Purpose::change, [&](Tables& tables) {
    Change change(tables, import.actor, import.accepted_at);
    const ImportContent& content = checked.content;
    import.summary = {};
    import.summary.audit = outcome_for_log(tables, change.head(), content);
    import.takes_log = import.summary.audit.added > 0;
    import.cutoff = end_of_days(tables, import.cutoff);
    import.finished_at.reset();
    if (import.takes_log) {
      tables.append({&*content.last, 1});  // what is logged from now on follows it
    } else if (checked.summary.has_changes()) {
      change.log(core::record_import(checked.summary, content.audit_head, content.workspace));
      change.write_log();
    } else {
      import.summary = checked.summary;
      import.finished_at = import.accepted_at;
    }
    tables.insert({&import, 1});
    return true;
  });
}

/// The row of an import, if it was accepted.
Result<std::optional<AcceptedImport>> find_accepted(Engine& engine, core::ImportId id) {
  std::optional<AcceptedImport> found;
  return engine
      .read([&](Tables& tables) {
        found.reset();
        for (AcceptedImport& import : tables.accepted_imports()) {
          if (import.id == id) {
            found = std::move(import);
          }
        }
      })
      .map([&] { return std::move(found); });
}

}  // namespace

Result<ImportSummary> commit_import(Engine& engine, core::ImportId id, std::uint32_t parts,
                                    const ImportOptions& options, std::chrono::hours kept,
                                    const core::Actor& actor, core::Time now) {
  // Those before it first: a key whose references are held back would look like another one.
  if (const auto rolled = roll_forward(engine); !rolled) {
    return tl::unexpected(rolled.error());
  }
  const auto known = find_accepted(engine, id);
  if (!known || *known) {
    return known ? Result<ImportSummary>((*known)->summary) : tl::unexpected(known.error());
  }
  AcceptedImport import;
  import.id = id;
  import.parts = parts;
  import.keep_known = options.keep_known;
  import.cutoff = core::start_of_hours(now, kept);
  import.actor = actor;
  import.accepted_at = now;
  auto checked = check(engine, import, options);
  if (!checked || checked->summary.conflict_count > 0 || options.dry_run) {
    delete_parts(engine, id, parts);
    return std::move(checked).map([](CheckedImport&& one) { return std::move(one.summary); });
  }
  import.advanced_at = core::system_time();
  if (const auto accepted = accept(engine, import, *checked); !accepted) {
    return tl::unexpected(accepted.error());
  }
  if (const auto rolled = roll_forward(engine); !rolled) {
    return tl::unexpected(after_acceptance(rolled.error()));
  }
  if (!checked->summary.has_changes()) {
    delete_parts(engine, id, parts);  // there was no step
  }
  const auto outcome = find_accepted(engine, id);
  if (!outcome) {
    return tl::unexpected(after_acceptance(outcome.error()));
  }
  return *outcome ? Result<ImportSummary>((*outcome)->summary)
                  : core::fail(core::ErrorCode::failed, "the outcome of the import is gone");
}

}  // namespace nexakey::store
