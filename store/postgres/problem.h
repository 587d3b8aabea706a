#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "core/error.h"

namespace nexakey::store::postgres {

/// A failure of the store: an exception within the backend, an error for its callers. Contains no
/// password.
class Problem : public std::runtime_error {
 public:
  explicit Problem(const std::string& message, std::string hint = {},
                   core::ErrorCode code = core::ErrorCode::store_unavailable)
      : std::runtime_error(message), hint_(std::move(hint)), code_(code) {}
  explicit Problem(const core::Error& error) : Problem(error.message, error.hint, error.code) {}

  [[nodiscard]] core::Error error() const { return {code_, what(), hint_}; }

 private:
  std::string hint_;
  core::ErrorCode code_;
};

/// The connection was lost after a statement was sent, which may have been executed.
class ConnectionLost : public Problem {
 public:
  using Problem::Problem;
};

/// The server did not respond in time. A statement that was sent may have been executed.
class Unresponsive : public Problem {
 public:
  using Problem::Problem;
};

/// The first line of a message of libpq.
inline std::string first_line(std::string_view message) {
  return std::string(message.substr(0, message.find('\n')));
}

/// The server refused a statement.
class Refused : public Problem {
 public:
  Refused(std::string state, const std::string& message, std::string hint)
      : Problem(message, std::move(hint)), state_(std::move(state)) {}

  /// The code of the error (SQLSTATE, PostgreSQL's appendix A).
  [[nodiscard]] const std::string& state() const { return state_; }
  /// Whether the same transaction may succeed when it is repeated: a deadlock or a serialization
  /// failure.
  [[nodiscard]] bool is_transient() const { return state_ == "40001" || state_ == "40P01"; }
  /// Whether a lock was not granted in time.
  [[nodiscard]] bool is_locked() const { return state_ == "55P03"; }
  /// Whether a prepared statement does not exist: a pooler has moved to another connection.
  [[nodiscard]] bool is_unprepared() const { return state_ == "26000"; }
  [[nodiscard]] bool is_read_only() const { return state_ == "25006"; }
  /// Whether the database has no store: a table or schema does not exist.
  [[nodiscard]] bool is_no_store() const { return state_ == "42P01" || state_ == "3F000"; }

 private:
  std::string state_;
};

}  // namespace nexakey::store::postgres
