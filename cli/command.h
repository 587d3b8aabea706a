#pragma once

#include <functional>
#include <string_view>

#include "cli/arguments.h"
#include "cli/context.h"
#include "cli/exit_status.h"

namespace nexakey::cli {

using Runner = std::function<ExitStatus(Context&)>;

/// A command of the command line. Only the command that is called adds its options.
struct Command {
  const char* name;
  const char* summary;
  /// Adds the options and examples of the command to `app` and returns the function to run after
  /// parsing.
  Runner (*attach)(Arguments& app);
  /// Whether it uses the settings. Other commands run even if a config file is invalid.
  bool reads_settings = true;
  /// Whether it uses the context of the settings. Other commands run even if that is invalid.
  bool uses_context = true;
  /// Whether it can print a new key with -o env. Other commands refuse that.
  bool prints_env = false;
  /// Whether it can print findings with -o sarif. Other commands refuse that.
  bool prints_sarif = false;
};

/// The output of `version` and `--version`.
extern const std::string_view kVersionLine;

extern const Command kCreate;
extern const Command kList;
extern const Command kShow;
extern const Command kEdit;
extern const Command kRevoke;
extern const Command kPurge;
extern const Command kRotate;
extern const Command kWhitelist;
extern const Command kPolicy;
extern const Command kUsage;
extern const Command kVerify;
extern const Command kAudit;
extern const Command kServe;
extern const Command kToken;
extern const Command kExport;
extern const Command kImport;
extern const Command kBackup;
extern const Command kRestore;
extern const Command kScan;
extern const Command kLogin;
extern const Command kLogout;
extern const Command kStatus;
extern const Command kDoctor;
extern const Command kHelp;
extern const Command kVersion;
extern const Command kCompletion;

}  // namespace nexakey::cli
