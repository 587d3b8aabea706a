#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "cli/context.h"
#include "cli/key_view.h"
#include "cli/table.h"
#include "core/audit.h"
#include "store/key_store.h"

namespace nexakey::cli {

/// The audit log as a table: with the names of keys and tokens, and details in words. In a narrow
/// terminal, columns are left out before the details are cut short.
class AuditTable {
 public:
  explicit AuditTable(const Context& context) : view_(context) {}

  void add(const core::AuditEntry& entry);
  /// Looks up the names and renders the table; a note on standard error says what it leaves out.
  /// Empty if there are no entries. Ends the command if the names cannot be read.
  [[nodiscard]] std::string finish(store::KeyStore& store);

 private:
  void look_up_names(store::KeyStore& store);
  void fit_terminal();

  KeyView view_;
  std::vector<std::string> subjects_;         ///< of the rows
  std::map<std::string, std::string> names_;  ///< of the subjects, as far as they are known
  std::size_t details_width_ = 0;
  Table table_{{{"NUMBER", true},
                {"AT"},
                {"ACTOR", false, true},
                {"SOURCE", false, true},
                {"ACTION"},
                {"SUBJECT"},
                {"NAME", false, true},
                {"DETAILS", false, true}}};
};

}  // namespace nexakey::cli
