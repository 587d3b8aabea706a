#include "cli/app.h"

int main(int argc, char** argv) { return nexakey::cli::nexakey_main(argc, argv); }
