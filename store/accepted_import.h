#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/audit.h"
#include "core/id.h"
#include "core/import.h"
#include "core/time.h"

namespace nexakey::store {

/// A record of an import: a line, or a count that is folded from the lines of a day.
struct ImportPlace {
  std::uint32_t part = 0;
  std::uint32_t byte = 0;  ///< of the part, where the line or the first line of the day begins
  std::uint32_t row = 0;   ///< the number of the count among those of the day, from 0 on
};

/// An import that was checked and accepted: a row in the store, beside its parts. Any process rolls
/// it forward, in steps that change rows and `next` in one transaction (store/import.h).
struct AcceptedImport {
  core::ImportId id;
  std::uint32_t parts = 0;
  bool keep_known = false;
  bool takes_log = false;  ///< its audit entries precede those of the store
  core::Time cutoff{};     ///< counts of hours before it are folded into days
  core::Actor actor;
  core::Time accepted_at{};
  core::Time advanced_at{};                 ///< the time of the last step
  std::optional<core::Time> finished_at{};  ///< none: there are steps to do
  std::uint32_t pass = 1;  ///< 1: adds the records; 2: adds the references that pass 1 left out
  ImportPlace next{};      ///< where the next step begins
  bool has_open_references = false;  ///< to keys that were not in the store yet
  core::ImportSummary summary;       ///< of what was done so far
};

/// The column `summary`. What cannot be read is an empty summary.
std::string text_of(const core::ImportSummary& summary);
core::ImportSummary summary_in(std::string_view text);

}  // namespace nexakey::store
