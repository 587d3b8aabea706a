#include <exception>

#include <unistd.h>

#include "cli/app.h"
#include "cli/exit_status.h"
#include "system/descriptor.h"

namespace {

/// Ends the process with one line where no exception can be handled: before main, in a destructor,
/// or while another error is reported. Allocates nothing, because the cause is a lack of memory,
/// unless it is a defect of the program.
[[noreturn]] void end_without_memory() {
  nexakey::system::write_all(STDERR_FILENO, "nexakey: out of memory\n");
  ::_exit(static_cast<int>(nexakey::cli::ExitStatus::failed));
}

struct TerminateHandler {
  TerminateHandler() { std::set_terminate(end_without_memory); }
};

/// Installed before other static objects allocate.
[[gnu::init_priority(101)]] const TerminateHandler kTerminateHandler;

}  // namespace

int main(int argc, char** argv) { return nexakey::cli::nexakey_main(argc, argv); }
