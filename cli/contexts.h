#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "cli/config.h"
#include "cli/settings.h"
#include "core/secret.h"

/// Contexts: the stores behind servers that a user has logged in to. Each has a config file of its
/// own, NAME.toml, in the folder `contexts` beside the user's config file. The copy of a token is
/// in a file NAME@….token with a new name for each login, so that a context that is replaced has
/// either its old store and token or its new ones, whenever a command dies. Errors end the command.
namespace nexakey::cli {

/// What a context consists of.
struct ContextFile {
  std::string store;
  std::filesystem::path token_file;
  std::optional<std::string> ca_file{};
  std::optional<std::string> workspace{};
  std::optional<std::string> timeout{};
};

/// The names of the contexts of this user, sorted.
std::vector<std::string> context_names();

/// Checks a new name: letters, digits and `._-`.
void check_context_name(const std::string& name);

/// The store of a context, or nothing if the context does not exist.
std::optional<std::string> context_store(const std::string& name);

/// The settings of the context that `name` names: `store`, and maybe `token_file`, `ca_file`,
/// `workspace` and `timeout`. Other users must not be able to change the file, or to replace it.
Config read_context(const Setting& name);

/// Writes a token to a new file for a context (mode 0600), and returns its path.
std::filesystem::path write_context_token(const std::string& name, const core::Secret& token);
/// Writes a context (mode 0600), in place of an earlier one of the name, and removes the tokens
/// that it does not use.
void write_context(const std::string& name, const ContextFile& context);
/// Removes what there is of a context, its tokens first. False: there is nothing.
bool remove_context(const std::string& name);

/// Makes a context the one of the user's config file if there is no such file yet. Returns whether
/// the file names this context.
bool make_default(const std::string& name);
/// Removes the user's config file if it is as `make_default` writes it. Returns whether the file
/// does not name the context any more.
bool undo_default(const std::string& name);

}  // namespace nexakey::cli
