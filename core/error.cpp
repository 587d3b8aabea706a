#include "core/error.h"

namespace nexakey::core {

std::string_view name_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::usage:
      return "usage";
    case ErrorCode::not_found:
      return "not_found";
    case ErrorCode::ambiguous:
      return "ambiguous";
    case ErrorCode::conflict:
      return "conflict";
    case ErrorCode::confirmation_required:
      return "confirmation_required";
    case ErrorCode::store_unavailable:
      return "store_unavailable";
    case ErrorCode::outcome_unknown:
      return "outcome_unknown";
    case ErrorCode::forbidden:
      return "forbidden";
    case ErrorCode::failed:
      break;
  }
  return "failed";
}

std::optional<ErrorCode> parse_error_code(std::string_view name) {
  for (const ErrorCode code :
       {ErrorCode::failed, ErrorCode::usage, ErrorCode::not_found, ErrorCode::ambiguous,
        ErrorCode::conflict, ErrorCode::confirmation_required, ErrorCode::store_unavailable,
        ErrorCode::outcome_unknown, ErrorCode::forbidden}) {
    if (name == name_of(code)) {
      return code;
    }
  }
  return std::nullopt;
}

}  // namespace nexakey::core
