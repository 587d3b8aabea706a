#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "core/record.h"

namespace nexakey::store::http {

/// Reads an export (core/record.h) that comes in pieces of any size. Keeps one line in memory.
class ExportLines {
 public:
  /// `workspace`: the one whose export was requested; none: the whole store. `visit` takes each
  /// record, until it returns false. Both must outlive this object.
  ExportLines(const std::optional<std::string>& workspace,
              const std::function<bool(const core::Record&)>& visit)
      : workspace_(workspace), visit_(visit) {}

  /// Takes the next piece; false: no further piece is needed.
  bool take(std::string_view piece);

  /// Checks what came: a `usage` error if it is not an export, or not a complete one, and
  /// `forbidden` if it has one workspace where the whole store was requested.
  [[nodiscard]] core::Result<void> finish() const;

 private:
  bool take_line();
  [[nodiscard]] core::Result<void> wrong_workspace() const;

  const std::optional<std::string>& workspace_;
  const std::function<bool(const core::Record&)>& visit_;
  core::ExportReader reader_;
  std::string line_;
  core::Result<void> outcome_;
  bool has_enough_ = false;  ///< `visit` has returned false
};

}  // namespace nexakey::store::http
