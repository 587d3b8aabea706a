#pragma once

#include <filesystem>

namespace nexakey::system {

/// Renames a file to a name in the same folder that must not exist yet, on any file system: neither
/// hard links nor RENAME_NOREPLACE (renameat2(2)) are required. False if it fails; see errno, which
/// is EEXIST if the name exists.
bool rename_new(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace nexakey::system
