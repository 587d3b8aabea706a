#pragma once

#include <chrono>
#include <string>

/// How long decisions, and the counting of upstream responses, wait.
namespace nexakey::store::postgres {

using std::chrono::milliseconds;

/// For the server in all.
inline constexpr milliseconds kDecisionTime{1500};

/// A statement for a lock, if it is about several keys and about one. Others that decide hold one
/// as long as a commit takes.
inline constexpr milliseconds kLockTime{250};
inline constexpr milliseconds kLockTimeOfOne{500};

/// The same for a key that something else may keep locked, and for one that was found so.
inline constexpr milliseconds kLockTimeApart{50};
inline constexpr milliseconds kLockTimeWhileLocked{5};
/// Keys that are treated one by one: how long they wait for locks together, and take in all.
inline constexpr milliseconds kWaitApart{300};
inline constexpr milliseconds kTimeApart{900};

/// A value of lock_timeout.
inline std::string setting_of(milliseconds patience) {
  return std::to_string(patience.count()) + "ms";
}

}  // namespace nexakey::store::postgres
