#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <tl/expected.hpp>

namespace nexakey::core {

/// Why something was not done. Each has one name in JSON and one exit status of the command line.
enum class ErrorCode {
  failed,                 ///< a reason that none of the others names
  usage,                  ///< the input is not what it has to be; nothing was done
  not_found,              ///< no such key or store
  ambiguous,              ///< more than one key is meant
  conflict,               ///< what is there already stands against it
  confirmation_required,  ///< destroys or opens something, and nobody said yes
  store_unavailable,      ///< the store can't be reached, or is busy, broken or read-only
  forbidden,              ///< the remote refused the token
};

/// The name of `code` in JSON, such as "not_found".
std::string_view name_of(ErrorCode code);
std::optional<ErrorCode> parse_error_code(std::string_view name);

/// An error that its caller handles. `message` and `hint` never hold a secret.
struct Error {
  ErrorCode code = ErrorCode::failed;
  std::string message;  ///< what happened, lower case, without a full stop
  std::string hint;     ///< what to do about it; may be empty
};

template <typename T>
using Result = tl::expected<T, Error>;

/// An error as the return value of a function that returns a Result.
inline tl::unexpected<Error> fail(ErrorCode code, std::string message, std::string hint = {}) {
  return tl::unexpected<Error>(Error{code, std::move(message), std::move(hint)});
}

/// A `usage` error, by far the most common one of the rules.
inline tl::unexpected<Error> reject(std::string message, std::string hint = {}) {
  return fail(ErrorCode::usage, std::move(message), std::move(hint));
}

}  // namespace nexakey::core
