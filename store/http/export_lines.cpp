#include "store/http/export_lines.h"

namespace nexakey::store::http {

using core::Result;

bool ExportLines::take(std::string_view piece) {
  while (!piece.empty()) {
    const std::size_t end = piece.find('\n');
    line_ += piece.substr(0, end);
    if (end == std::string_view::npos) {
      break;
    }
    piece.remove_prefix(end + 1);
    if (!take_line()) {
      return false;
    }
    line_.clear();
  }
  // A line that is too long is refused before its end has come.
  return line_.size() <= core::kMaxRecordSize || take_line();
}

Result<void> ExportLines::finish() const {
  if (!outcome_ || has_enough_) {
    return outcome_;
  }
  return line_.empty() ? reader_.finish() : core::reject("its last line is incomplete");
}

bool ExportLines::take_line() {
  const auto record = reader_.read(line_);
  if (!record) {
    outcome_ = tl::unexpected(record.error());
  } else if (reader_.workspace() != workspace_) {
    outcome_ = wrong_workspace();
  } else if (*record) {
    has_enough_ = !visit_(**record);
  }
  return outcome_ && !has_enough_;
}

Result<void> ExportLines::wrong_workspace() const {
  if (workspace_) {
    return core::reject("it is not for the workspace " + *workspace_);
  }
  return core::fail(
      core::ErrorCode::forbidden,
      "only the workspace " + *reader_.workspace() + " can be read there, not the whole store",
      "name it with --workspace");
}

}  // namespace nexakey::store::http
