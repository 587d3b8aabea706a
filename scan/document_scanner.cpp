#include "scan/document_scanner.h"

#include <algorithm>

namespace nexakey::scan {
namespace {

constexpr std::size_t kHead = 512;
/// For example, a key in a zip in a tar.gz has depth three.
constexpr int kMaxDepth = 8;

/// Counts the bytes that an archive unpacks to, and stops a decompression bomb.
class Unpacked final : public ByteSource {
 public:
  Unpacked(ByteSource& source, Expansion& expansion) : source_(&source), expansion_(&expansion) {}
  core::Result<std::size_t> read(char* buffer, std::size_t size) override {
    if (!expansion_->is_sane()) {
      return core::fail(core::ErrorCode::failed, "it unpacks to more than the limit");
    }
    auto count = source_->read(buffer, size);
    expansion_->unpacked += count.value_or(0);
    return count;
  }

 private:
  ByteSource* source_;
  Expansion* expansion_;
};

/// Counts the bytes that are read of the outermost archive, or of another document.
class Packed final : public ByteSource {
 public:
  Packed(ByteSource& source, Expansion& expansion, Searched& searched)
      : source_(&source), expansion_(&expansion), searched_(&searched) {}
  core::Result<std::size_t> read(char* buffer, std::size_t size) override {
    auto count = source_->read(buffer, size);
    expansion_->packed += count.value_or(0);
    searched_->bytes.fetch_add(count.value_or(0), std::memory_order_relaxed);
    return count;
  }

 private:
  ByteSource* source_;
  Expansion* expansion_;
  Searched* searched_;
};

}  // namespace

bool Expansion::is_sane() const {
  constexpr std::uint64_t kMaxCount = std::uint64_t{4} << 30U;
  constexpr std::uint64_t kUnsuspicious = std::uint64_t{64} << 20U;
  constexpr std::uint64_t kRatio = 250;
  return unpacked <= std::min(kMaxCount, std::max(kUnsuspicious, packed * kRatio));
}

void DocumentScanner::scan(ByteSource& source, const DocumentPlace& place) {
  Expansion expansion;
  Packed packed(source, expansion, sink_->searched());
  sink_->searched().documents.fetch_add(1, std::memory_order_relaxed);
  scan_part(packed, place, expansion);
}

void DocumentScanner::scan_part(ByteSource& source, const DocumentPlace& place,
                                Expansion& expansion) {
  search_.begin();
  if (!read_head(source, place)) {
    search_.finish(visitor(place));
    return;
  }
  if (const auto kind = archive_kind(search_.pending())) {
    scan_archive(*kind, source, place, expansion);
  } else {
    scan_rest(source, place);
  }
}

LeakSearch::Visit DocumentScanner::visitor(const DocumentPlace& place) {
  return [this, &place](const Leak& leak, const TextPosition& position) {
    sink_->add({place, position, leak});
  };
}

bool DocumentScanner::read_head(ByteSource& source, const DocumentPlace& place) {
  while (search_.pending().size() < kHead) {
    const auto count = source.read(search_.room(), search_.room_size());
    if (!count) {
      sink_->warn(place, count.error().message);
      return false;
    }
    if (*count == 0) {
      return true;
    }
    search_.add(*count);
  }
  return true;
}

void DocumentScanner::scan_rest(ByteSource& source, const DocumentPlace& place) {
  const LeakSearch::Visit visit = visitor(place);
  for (;;) {
    search_.make_room(visit);
    const auto count = source.read(search_.room(), search_.room_size());
    if (!count) {
      sink_->warn(place, count.error().message);
    }
    if (count.value_or(0) == 0) {
      break;
    }
    search_.add(*count);
  }
  search_.finish(visit);
}

void DocumentScanner::scan_archive(ArchiveKind kind, ByteSource& source, const DocumentPlace& place,
                                   Expansion& expansion) {
  if (depth_ == kMaxDepth) {
    sink_->warn(place, "archives are nested too deeply");
    return;
  }
  ArchiveReader reader(kind, search_.pending(), source);
  for (;;) {
    const auto member = reader.next();
    if (!member) {
      sink_->warn(place, member.error().message);
      return;
    }
    if (!*member) {
      return;
    }
    DocumentPlace inside = place;
    const std::string& name = (*member)->name;
    inside.member += (inside.member.empty() || name.empty() ? "" : "!") + name;
    if ((*member)->encrypted) {
      sink_->warn(inside, "it is encrypted");
      continue;
    }
    Unpacked unpacked(reader, expansion);
    inner().scan_part(unpacked, inside, expansion);
    if (!expansion.is_sane()) {
      return;
    }
  }
}

DocumentScanner& DocumentScanner::inner() {
  if (!inner_) {
    inner_ = std::make_unique<DocumentScanner>(*sink_, depth_ + 1);
  }
  return *inner_;
}

}  // namespace nexakey::scan
