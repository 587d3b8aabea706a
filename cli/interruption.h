#pragma once

#include <array>
#include <csignal>

namespace nexakey::cli {

/// Thrown to end the command by a signal, after destructors have run.
struct Interrupted {
  int signal;
};

/// Defers SIGINT and SIGTERM during its lifetime, so that a command that works in steps can end
/// between two of them and say what was done. A second signal ends the process immediately. Only
/// one object may exist at a time.
class Interruption {
 public:
  Interruption();
  Interruption(const Interruption&) = delete;
  Interruption& operator=(const Interruption&) = delete;
  ~Interruption();

  /// The signal that has arrived; 0 if none has.
  [[nodiscard]] static int signal();

 private:
  static constexpr std::array kSignals{SIGINT, SIGTERM};

  std::array<struct sigaction, kSignals.size()> previous_{};
};

}  // namespace nexakey::cli
