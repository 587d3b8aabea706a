#include "cli/exit_status.h"

namespace nexakey::cli {

ExitStatus exit_status_of(core::ErrorCode code) {
  switch (code) {
    case core::ErrorCode::usage:
      return ExitStatus::usage;
    case core::ErrorCode::not_found:
      return ExitStatus::not_found;
    case core::ErrorCode::ambiguous:
    case core::ErrorCode::conflict:
      return ExitStatus::conflict;
    case core::ErrorCode::confirmation_required:
      return ExitStatus::confirmation_required;
    case core::ErrorCode::store_unavailable:
    case core::ErrorCode::outcome_unknown:
      return ExitStatus::store_unavailable;
    case core::ErrorCode::forbidden:
      return ExitStatus::forbidden;
    case core::ErrorCode::failed:
      break;
  }
  return ExitStatus::failed;
}

bool concerns_one_key(const core::Error& error) {
  const ExitStatus status = exit_status_of(error.code);
  return status != ExitStatus::store_unavailable && status != ExitStatus::forbidden &&
         status != ExitStatus::failed;
}

ExitStatus exit_status_of(const core::Decision& decision) {
  switch (core::status_of(decision.reason)) {
    case 200:
      return ExitStatus::done;
    case 403:
      return ExitStatus::denied_403;
    case 429:
      return ExitStatus::denied_429;
    case 503:
      return ExitStatus::store_unavailable;
    default:
      return ExitStatus::denied_401;
  }
}

}  // namespace nexakey::cli
