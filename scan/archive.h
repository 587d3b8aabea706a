#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "scan/byte_source.h"

namespace nexakey::scan {

/// The archive formats that are searched.
enum class ArchiveKind { gzip, bzip2, xz, zstd, tar, zip };

/// The format of a document, by its first 512 bytes; nothing if it is not an archive. The
/// signatures are those of RFC 1952 (gzip), RFC 8878 (zstd), .ZIP APPNOTE 4.3.7 (zip), POSIX pax
/// (tar), and the format descriptions of xz and bzip2.
std::optional<ArchiveKind> archive_kind(std::string_view head);

/// Reads an archive from its beginning to its end. Uses libarchive, which is loaded for the first
/// archive.
class ArchiveReader final : public ByteSource {
 public:
  /// The archive is `head`, followed by the bytes of `source`. Both must outlive the reader.
  ArchiveReader(ArchiveKind kind, std::string_view head, ByteSource& source);
  ~ArchiveReader() override;

  struct Member {
    std::string name;  ///< empty for compressed data without members
    bool encrypted = false;
  };
  /// Moves to the next member; nothing at the end. Error: `failed`, if the archive is
  /// damaged or libarchive is not installed.
  core::Result<std::optional<Member>> next();
  /// The bytes of the current member.
  core::Result<std::size_t> read(char* buffer, std::size_t size) override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace nexakey::scan
