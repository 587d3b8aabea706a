#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "scan/byte_source.h"

namespace nexakey::scan {

/// What wraps other documents.
enum class ArchiveKind { gzip, bzip2, xz, zstd, tar, zip };

/// What a document is by its first bytes, of which 512 are enough; nothing: no archive.
std::optional<ArchiveKind> archive_kind(std::string_view head);

/// Reads an archive from its beginning to its end, by libarchive, which is loaded for the first
/// one.
class ArchiveReader final : public ByteSource {
 public:
  /// The archive is `head` and what `source` has behind it. Both outlive the reader.
  ArchiveReader(ArchiveKind kind, std::string_view head, ByteSource& source);
  ~ArchiveReader() override;

  struct Member {
    std::string name;  ///< empty: what is compressed has none
    bool encrypted = false;
  };
  /// Goes on to the next member; nothing: there is none.
  core::Result<std::optional<Member>> next();
  /// The bytes of this member.
  core::Result<std::size_t> read(char* buffer, std::size_t size) override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace nexakey::scan
