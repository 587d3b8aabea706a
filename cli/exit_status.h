#pragma once

#include "core/decision.h"
#include "core/error.h"

namespace nexakey::cli {

/// The exit status of the process, as documented in nexakey(1). The numbers never change.
enum class ExitStatus : int {
  done = 0,
  failed = 1,
  usage = 2,
  not_found = 3,
  conflict = 4,
  confirmation_required = 5,
  store_unavailable = 6,
  forbidden = 7,
  leaked = 8,
  not_compliant = 9,
  denied_401 = 41,
  denied_403 = 43,
  denied_429 = 49,
};

ExitStatus exit_status_of(core::ErrorCode code);
/// Whether an error of one of several keys does not keep a command from going on with the others:
/// it is neither one of the store or of a permission nor an unexpected one.
bool concerns_one_key(const core::Error& error);
ExitStatus exit_status_of(const core::Decision& decision);

/// An exception that ends the command: nexakey_main prints the error and exits with its status.
struct Failure {
  core::Error error;
};

/// The value of a result; throws Failure if it is an error.
template <typename T>
T value_of(core::Result<T> result) {
  if (!result) {
    throw Failure{std::move(result.error())};
  }
  if constexpr (!std::is_void_v<T>) {
    return *std::move(result);
  }
}

}  // namespace nexakey::cli
