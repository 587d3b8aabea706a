#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>

#include "core/record.h"

namespace nexakey::core {

/// Folds the counts of an export, in its order, as a store folds its own: those of hours before
/// `cutoff` become counts of days. So do the hours of a day of which the export has a part as a
/// day.
class UsageFolder {
 public:
  /// Calls `pass` with the counts that result, in the order of an export.
  UsageFolder(Time cutoff, std::function<void(KeyUsage)> pass)
      : cutoff_(cutoff), pass_(std::move(pass)) {}

  void add(KeyUsage usage);
  /// Whether a count belongs to the day whose counts are being added up. If not, the counts of that
  /// day are complete.
  [[nodiscard]] bool continues(const KeyUsage& usage) const;
  /// To be called after the last count.
  void finish();

 private:
  Time cutoff_;
  std::function<void(KeyUsage)> pass_;
  std::map<std::pair<std::string, int>, KeyUsage> day_;  // of one key: by endpoint and status
};

}  // namespace nexakey::core
