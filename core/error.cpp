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
    case ErrorCode::forbidden:
      return "forbidden";
    case ErrorCode::failed:
      break;
  }
  return "failed";
}

}  // namespace nexakey::core
