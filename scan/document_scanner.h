#pragma once

#include <cstdint>
#include <memory>

#include "scan/archive.h"
#include "scan/byte_source.h"
#include "scan/leak_sink.h"

namespace nexakey::scan {

/// How far an archive has been unpacked, against decompression bombs.
struct Expansion {
  std::uint64_t packed = 0;    ///< bytes read of the outermost archive
  std::uint64_t unpacked = 0;  ///< bytes of all members, at all depths

  /// Whether `unpacked` is within the limits: 64 MiB or 250 times `packed`, and at most 4 GiB.
  [[nodiscard]] bool is_sane() const;
};

/// Searches documents, including the members of archives, for one thread.
class DocumentScanner {
 public:
  explicit DocumentScanner(LeakSink& sink, int depth = 0) : sink_(&sink), depth_(depth) {}

  /// Searches one document. Passes what it finds, and problems, to the sink.
  void scan(ByteSource& source, const DocumentPlace& place);

 private:
  void scan_part(ByteSource& source, const DocumentPlace& place, Expansion& expansion);
  /// Reads at least the bytes that identify an archive. False if that fails.
  bool read_head(ByteSource& source, const DocumentPlace& place);
  void scan_rest(ByteSource& source, const DocumentPlace& place);
  void scan_archive(ArchiveKind kind, ByteSource& source, const DocumentPlace& place,
                    Expansion& expansion);
  /// Passes leaks to the sink. `place` must outlive the result.
  LeakSearch::Visit visitor(const DocumentPlace& place);
  DocumentScanner& inner();

  LeakSink* sink_;
  int depth_;
  LeakSearch search_;
  std::unique_ptr<DocumentScanner> inner_;
};

}  // namespace nexakey::scan
