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
  std::uint64_t unpacked = 0;  ///< bytes that came out, at all depths

  /// Whether it is within the bounds: 64 MiB or 250 times what was packed, and 4 GiB in any case.
  [[nodiscard]] bool is_sane() const;
};

/// Searches documents, and the documents in archives, for one thread.
class DocumentScanner {
 public:
  explicit DocumentScanner(LeakSink& sink, int depth = 0) : sink_(&sink), depth_(depth) {}

  /// Searches one document. Finds and problems go to the sink.
  void scan(ByteSource& source, const DocumentPlace& place);

 private:
  void scan_part(ByteSource& source, const DocumentPlace& place, Expansion& expansion);
  /// Reads at least the bytes by which archives are known; false: that failed.
  bool read_head(ByteSource& source, const DocumentPlace& place);
  void scan_rest(ByteSource& source, const DocumentPlace& place);
  void scan_archive(ArchiveKind kind, ByteSource& source, const DocumentPlace& place,
                    Expansion& expansion);
  /// Gives what is found there to the sink; `place` outlives it.
  LeakSearch::Visit visitor(const DocumentPlace& place);
  DocumentScanner& inner();

  LeakSink* sink_;
  int depth_;
  LeakSearch search_;
  std::unique_ptr<DocumentScanner> inner_;
};

}  // namespace nexakey::scan
