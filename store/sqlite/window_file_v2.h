#pragma once

#include <cstddef>
#include <filesystem>

#include "store/sqlite/live_file.h"

namespace nexakey::store::sqlite {

/// Files of windows of version 2 (`nxkwin02`), which had one size and moved at once.

[[nodiscard]] bool is_version_2(const std::filesystem::path& path);

/// How many windows the file has. Throws StoreProblem if it is damaged.
std::size_t count_version_2(const std::filesystem::path& path);

/// Replaces the file by one of the current version with the same windows. A process of an older
/// version that has it mapped refuses to decide from then on. Requires Lock::live. Throws
/// StoreProblem if it is damaged.
void convert_version_2(const std::filesystem::path& path, const StoreIdentity& store,
                       const Boot& boot);

}  // namespace nexakey::store::sqlite
