#pragma once

#include <optional>
#include <string>
#include <utility>

#include "scan/byte_source.h"
#include "scan/leak_search.h"

namespace nexakey::scan {

/// A document while it is read: all bytes are searched as they are, and the last of them can be
/// read again. Places count from the beginning of the document.
class Document {
 public:
  /// `visit` receives the leaks in the bytes. All must outlive this object.
  Document(ByteSource& source, LeakSearch& search, const LeakSearch::Visit& visit)
      : source_(&source), search_(&search), visit_(&visit) {
    search.begin();
  }

  /// Reads more bytes. False at the end or if that fails.
  bool read();
  /// Searches what was not searched yet, after the last byte was read.
  void finish() { search_->finish(*visit_); }

  [[nodiscard]] bool is_whole() const { return at_end_; }
  /// Why not everything could be read; empty if it could.
  [[nodiscard]] const std::string& failure() const { return failure_; }
  /// The bytes that can be read again, and how many are before them.
  [[nodiscard]] std::string_view bytes() const { return search_->pending(); }
  [[nodiscard]] std::size_t first() const { return search_->discarded(); }
  [[nodiscard]] TextPosition position(std::size_t place) const {
    return search_->position(place - first());
  }

 private:
  ByteSource* source_;
  LeakSearch* search_;
  const LeakSearch::Visit* visit_;
  bool at_end_ = false;
  std::string failure_;
};

/// The bytes of a document from a place on, which is among those that can be read again.
class DocumentRest final : public ByteSource {
 public:
  DocumentRest(Document& document, std::size_t place) : document_(&document), place_(place) {}
  core::Result<std::size_t> read(char* buffer, std::size_t size) override;

 private:
  Document* document_;
  std::size_t place_;
};

}  // namespace nexakey::scan
