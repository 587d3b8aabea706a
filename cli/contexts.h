#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "cli/config.h"
#include "cli/settings.h"
#include "core/secret.h"

/// Contexts: the stores behind servers that a user has logged in to. Each has a config file of its
/// own, NAME.toml, and for its token NAME.token, in the folder `contexts` beside the user's config
/// file. Errors end the command.
namespace nexakey::cli {

/// What a context consists of.
struct ContextFile {
  std::string store;
  std::filesystem::path token_file;
  std::optional<std::string> ca_file{};
  std::optional<std::string> workspace{};
};

/// The names of the contexts of this user, sorted.
std::vector<std::string> context_names();

/// Checks a new name: letters, digits and `._-`.
void check_context_name(const std::string& name);

std::filesystem::path context_path(const std::string& name);
std::filesystem::path context_token_path(const std::string& name);

/// The settings of the context that `name` names: `store`, `token_file`, `ca_file`, `workspace` and
/// `timeout`.
Config read_context(const Setting& name);

/// Writes the token of a context to its file (mode 0600), in place of an earlier one.
void write_context_token(const std::string& name, const core::Secret& token);
/// Writes a context (mode 0600), in place of an earlier one of the name.
void write_context(const std::string& name, const ContextFile& context);
/// Removes a context and its token.
void remove_context(const std::string& name);

/// Makes a context the one of the user's config file if there is no such file yet. Returns whether
/// the file names this context.
bool make_default(const std::string& name);
/// Removes the user's config file if it only names this context. Returns whether no config file
/// names it any more.
bool undo_default(const std::string& name);

}  // namespace nexakey::cli
