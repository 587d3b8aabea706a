#pragma once

#include <utility>
#include <vector>

#include "core/audit.h"
#include "core/time.h"
#include "store/tables.h"

namespace nexakey::store {

/// A change of a store within its transaction: the tables, who changes them and when, and its
/// entries for the audit log, which are written together at its end. The constructor locks the log,
/// and with it the store, before anything is read.
class Change {
 public:
  Change(Tables& change_tables, const core::Actor& actor, core::Time time)
      : tables(change_tables), now(time), actor_(actor), head_(tables.audit_head()) {}
  Change(const Change&) = delete;
  Change& operator=(const Change&) = delete;
  ~Change() = default;

  /// Adds an entry to the log of this change.
  void log(core::AuditRecord record) {
    entries_.push_back(core::next_entry(head_, actor_, now, std::move(record)));
    head_ = {.number = entries_.back().number, .hash = entries_.back().hash};
  }
  /// The last entry of the log, including those of this change.
  [[nodiscard]] const core::AuditHead& head() const { return head_; }

  /// Writes the entries. To be called last.
  void write_log() {
    if (!entries_.empty()) {
      tables.append(entries_);
      entries_.clear();
    }
  }

  Tables& tables;
  const core::Time now;

 private:
  const core::Actor& actor_;
  core::AuditHead head_;
  std::vector<core::AuditEntry> entries_;
};

}  // namespace nexakey::store
