#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <tl/expected.hpp>

namespace nexakey::core {

/// The kinds of errors. Each has a name in JSON and an exit status of the command line.
enum class ErrorCode {
  failed,                 ///< any other reason
  usage,                  ///< the input is invalid; nothing was done
  not_found,              ///< no such key or store
  ambiguous,              ///< the input matches more than one key
  conflict,               ///< contradicts what the store has
  confirmation_required,  ///< destroys or opens something, and was not confirmed
  store_unavailable,      ///< the store cannot be reached, or is busy, damaged or read-only
  outcome_unknown,        ///< the store may or may not have made the change
  forbidden,              ///< the remote refused the token
};

/// The name of `code` in JSON, such as "not_found".
std::string_view name_of(ErrorCode code);
std::optional<ErrorCode> parse_error_code(std::string_view name);

/// An error that its caller handles. `message` and `hint` never hold a secret.
struct Error {
  ErrorCode code = ErrorCode::failed;
  std::string message;  ///< what happened, in lower case, without a full stop
  std::string hint;     ///< what to do about it; may be empty
};

template <typename T>
using Result = tl::expected<T, Error>;

/// An error as the return value of a function that returns a Result.
inline tl::unexpected<Error> fail(ErrorCode code, std::string message, std::string hint = {}) {
  return tl::unexpected<Error>(Error{code, std::move(message), std::move(hint)});
}

/// A `usage` error.
inline tl::unexpected<Error> reject(std::string message, std::string hint = {}) {
  return fail(ErrorCode::usage, std::move(message), std::move(hint));
}

}  // namespace nexakey::core
