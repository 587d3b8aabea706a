#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace nexakey::scan {

enum class ArchiveKind {
  // Files compressed as a whole
  gzip,
  zlib,
  bzip2,
  xz,
  zstd,
  lzma,
  lz4,
  lzip,
  compress,
  uuencode,
  rpm,
  // Archives with members
  tar,
  zip,
  ar,
  cpio,
  cab,
  // Those that are recognised, but not searched
  seven_zip,
  rar,
  xar,
  iso,
  git_pack,
  git_bundle,
  lzop,
  lrzip,
  pack,
  squashfs,
  wim,
  arj,
};

/// The format of a document by its beginning, of which 512 bytes are enough; nothing if it is not
/// an archive. The signatures are those of the formats' own descriptions, such as RFC 1952 (gzip),
/// RFC 8878 (zstd), .ZIP APPNOTE 4.3.7 (zip), POSIX (tar, ar, cpio) and gitformat-pack(5).
std::optional<ArchiveKind> archive_kind(std::string_view head);

/// An archive behind other bytes.
struct InnerArchive {
  std::size_t offset = 0;
  ArchiveKind kind = ArchiveKind::gzip;
};
/// How many bytes of an archive tell that it is one.
inline constexpr std::size_t kMaxSignature = 64;
/// The first archive that begins in the first `size` bytes of a text, by a longer signature: other
/// bytes may have a short one by chance. `before`: how many bytes are before the text.
std::optional<InnerArchive> find_archive(std::string_view text, std::size_t size,
                                         std::size_t before);

/// What an archive that is not searched is called in a message; empty if it is searched.
std::string_view unread_name(ArchiveKind kind);

}  // namespace nexakey::scan
