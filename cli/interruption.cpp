#include "cli/interruption.h"

namespace nexakey::cli {
namespace {

volatile std::sig_atomic_t arrived = 0;

void keep(int signal) { arrived = signal; }

}  // namespace

Interruption::Interruption() {
  arrived = 0;
  struct sigaction action {};
  action.sa_handler = keep;
  action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
  for (std::size_t i = 0; i < kSignals.size(); ++i) {
    ::sigaction(kSignals[i], nullptr, &previous_[i]);
    // A signal that the parent has set to be ignored, as for a command in the background, stays so.
    if (previous_[i].sa_handler != SIG_IGN) {
      ::sigaction(kSignals[i], &action, nullptr);
    }
  }
}

Interruption::~Interruption() {
  for (std::size_t i = 0; i < kSignals.size(); ++i) {
    ::sigaction(kSignals[i], &previous_[i], nullptr);
  }
}

int Interruption::signal() { return arrived; }

}  // namespace nexakey::cli
