#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "scan/archive.h"
#include "scan/byte_source.h"
#include "scan/document.h"
#include "scan/finds.h"
#include "scan/leak_sink.h"
#include "scan/nested.h"

namespace nexakey::scan {

/// How far an archive has been unpacked, against decompression bombs.
struct Expansion {
  std::uint64_t packed = 0;    ///< bytes read of the outermost archive
  std::uint64_t unpacked = 0;  ///< bytes of all members, at all depths
  bool is_told = false;        ///< whether it was reported that they are too many

  /// Whether `unpacked` is within the limits: 64 MiB or 250 times `packed`, and at most 4 GiB.
  [[nodiscard]] bool is_sane() const;
};

/// Searches documents, including the members of archives and encoded texts, for one thread. The
/// bytes of each are searched as they are, and so are archives and encoded texts anywhere in them.
class DocumentScanner {
 public:
  explicit DocumentScanner(LeakSink& sink, int depth = 0)
      : sink_(&sink), share_(sink.searched()), depth_(depth) {}

  /// Searches one document. Passes what it finds, and problems, to the sink.
  void scan(ByteSource& source, const DocumentPlace& place);

 private:
  /// A document that is searched, or a part of one.
  struct Part {
    DocumentPlace place;
    /// Where an encoded text begins in the document, and how it is encoded.
    std::optional<TextPosition> position{};
    LeakForm form = LeakForm::plain;
    int encodings = 0;  ///< how many are on top of each other
  };
  /// What is known of a document while it is searched.
  struct Search {
    const Part& part;
    Document& document;
    Finds& finds;
    Expansion& expansion;
    std::size_t failures = 0;  ///< places that looked like archives
    bool is_stopped = false;   ///< whether archives are not searched any more
  };

  void scan_part(ByteSource& source, const Part& part, Expansion& expansion,
                 const Finds::Receive& receive);
  std::optional<Nested> next(Search& search, std::size_t place);
  /// Each returns the place up to which the document was searched.
  std::size_t scan_nested(Search& search, const Nested& nested);
  std::size_t scan_archive(Search& search, ArchiveKind kind, std::size_t place);
  std::size_t scan_encoded(Search& search, const Nested& nested, Encoding encoding);
  /// Returns whether there was any member.
  bool scan_members(Search& search, ArchiveReader& reader, bool is_certain);
  /// Returns false if the rest of it cannot be read, which was reported.
  bool scan_member(Search& search, const ArchiveReader::Member& member, ByteSource& content);
  void warn(Search& search, std::string_view reason);
  DocumentScanner& inner();

  LeakSink* sink_;
  SearchedShare share_;
  int depth_;
  LeakSearch search_;
  std::unique_ptr<DocumentScanner> inner_;
};

}  // namespace nexakey::scan
