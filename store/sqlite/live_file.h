#pragma once

#include <array>
#include <cstdint>
#include <filesystem>

#include "store/sqlite/boot.h"

namespace nexakey::store::sqlite {

/// The store that a file beside keys.db belongs to.
struct StoreIdentity {
  std::array<std::uint8_t, 16> id{};  ///< random, made with the store
  std::uint64_t generation = 0;       ///< grows each time that the store is replaced by a backup
  std::uint32_t format = 0;           ///< the schema
  std::uint32_t unused = 0;
};

/// The beginning of the files that processes map (docs/file-formats.md).
struct LiveFileHead {
  std::array<char, 8> magic{};
  StoreIdentity store;
  Boot boot;  ///< of the processes that use the file
};

/// What the file at `path` begins with: which kind and which version it is. Zeros if it is shorter.
std::array<char, 8> magic_of(const std::filesystem::path& path);

/// Whether a file belongs to the store before it was replaced by a backup. The windows then go on;
/// a journal is left by a process that died while it restored the store, and is replaced.
bool is_before_restore(const LiveFileHead& head, const StoreIdentity& store);

/// Throws StoreProblem if the file at `path` belongs to another store, or to a newer state of this
/// one, whose keys.db was replaced by a copy. `loss`: what is lost with the file.
void check_store_of(const LiveFileHead& head, const StoreIdentity& store,
                    const std::filesystem::path& path, const char* loss);

/// Throws StoreProblem if a newer version has migrated the store since this process opened it. A
/// migration sets the format in the files, so that this needs no system call.
void check_format(const LiveFileHead& head, const StoreIdentity& store);

}  // namespace nexakey::store::sqlite
