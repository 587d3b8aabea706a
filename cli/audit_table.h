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
  explicit AuditTable(Context& context) : context_(context), view_(context) {}

  void add(const core::AuditEntry& entry);
  /// Looks up the names and prints the table. Ends the command if the names cannot be read.
  void finish(store::KeyStore& store);

 private:
  void look_up_names(store::KeyStore& store);

  /// How much of the details has to be visible before other columns are left out.
  static constexpr std::size_t kMinDetailsWidth = 28;

  Context& context_;
  KeyView view_;
  std::vector<std::string> subjects_;         ///< of the rows
  std::map<std::string, std::string> names_;  ///< of the subjects, as far as they are known
  Table table_{{{"NUMBER", true, 0, 2},
                {"AT"},
                {"ACTOR", false, kMinTextWidth, 3},
                {"SOURCE", false, kMinTextWidth, 4},
                {"ACTION"},
                {"SUBJECT", false, 0, 1},
                {"NAME", false, kMinTextWidth},
                {"DETAILS", false, kMinDetailsWidth}}};
};

}  // namespace nexakey::cli
