#pragma once

#include <cstdint>
#include <memory>

#include "scan/archive.h"
#include "scan/byte_source.h"
#include "scan/leak_sink.h"

namespace nexakey::scan {

/// How much more an archive may unpack to. What is worth looking into is far from these bounds.
struct Expansion {
  std::uint64_t packed = 0;
  std::uint64_t unpacked = 0;

  /// Whether it is still no bomb: 4 GiB in all, and beyond 64 MiB 250 times what was packed.
  [[nodiscard]] bool is_sane() const;
};

/// Searches documents, and those that are packed in them, for one thread.
class DocumentScanner {
 public:
  explicit DocumentScanner(LeakSink& sink, int depth = 0) : sink_(&sink), depth_(depth) {}

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
