#pragma once

namespace nexakey::cli {

/// Runs the command line and returns the exit status of the process.
int nexakey_main(int argc, char** argv);

}  // namespace nexakey::cli
