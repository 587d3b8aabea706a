#pragma once

#include <cstddef>
#include <filesystem>

namespace nexakey::store::sqlite {

/// The reserve of a store: a file of zeros whose space is given up in pieces when the disk is full,
/// so that keys can still be revoked. A piece is as small as possible, because other programs may
/// take what a command leaves.
inline constexpr std::size_t kReserveSize = std::size_t{1} << 20U;

/// Creates the file or makes it whole again, if there is space. Returns whether it is whole. Other
/// errors than a full disk are std::system_error.
bool restore_reserve(const std::filesystem::path& path);

/// Makes the file smaller by one piece, but not smaller than `min_size`. False: there is nothing
/// left to give up.
bool shrink_reserve(const std::filesystem::path& path, std::size_t min_size);

/// The size of the file; 0 if there is none, or something else in its place.
std::size_t reserve_size(const std::filesystem::path& path);

}  // namespace nexakey::store::sqlite
