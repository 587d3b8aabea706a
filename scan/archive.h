#pragma once

#include <memory>
#include <optional>
#include <string>

#include "scan/archive_kind.h"
#include "scan/byte_source.h"

namespace nexakey::scan {

/// Reads an archive from its beginning to its end. Uses libarchive, which is loaded for the first
/// archive.
class ArchiveReader final : public ByteSource {
 public:
  /// A kind that is searched. The bytes of the archive, and perhaps others behind it, are those of
  /// `source`, which must outlive the reader.
  ArchiveReader(ArchiveKind kind, ByteSource& source);
  ~ArchiveReader() override;

  struct Member {
    std::string name;  ///< empty for compressed data without members
    std::string link;  ///< the target, if it is a link
    bool encrypted = false;
  };
  /// Moves to the next member; nothing at the end. Error: `failed`, if the archive is
  /// damaged or libarchive is not installed.
  core::Result<std::optional<Member>> next();
  /// The bytes of the current member.
  core::Result<std::size_t> read(char* buffer, std::size_t size) override;
  /// How many bytes belong to what was read so far. More may have been read from the source.
  [[nodiscard]] std::size_t consumed() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace nexakey::scan
