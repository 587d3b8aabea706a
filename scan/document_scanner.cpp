#include "scan/document_scanner.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "scan/names.h"

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
    has_failed_ = has_failed_ || !count;
    return count;
  }
  [[nodiscard]] bool has_failed() const { return has_failed_; }

 private:
  ByteSource* source_;
  Expansion* expansion_;
  bool has_failed_ = false;
};

/// Counts the bytes that are read of the outermost archive, or of another document.
class Packed final : public ByteSource {
 public:
  Packed(ByteSource& source, Expansion& expansion, SearchedShare& share)
      : source_(&source), expansion_(&expansion), share_(&share) {}
  core::Result<std::size_t> read(char* buffer, std::size_t size) override {
    auto count = source_->read(buffer, size);
    expansion_->packed += count.value_or(0);
    share_->add_bytes(count.value_or(0));
    return count;
  }

 private:
  ByteSource* source_;
  Expansion* expansion_;
  SearchedShare* share_;
};

/// Whether the beginning of a document is that of a text, in which no archive begins.
bool is_text(std::string_view head) {
  return std::ranges::none_of(head, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < ' ' && byte != '\n' && byte != '\r' && byte != '\t' && byte != '\f';
  });
}

}  // namespace

bool Expansion::is_sane() const {
  constexpr std::uint64_t kMaxCount = std::uint64_t{4} << 30U;
  constexpr std::uint64_t kUnsuspicious = std::uint64_t{64} << 20U;
  constexpr std::uint64_t kRatio = 250;
  return unpacked <= std::min(kMaxCount, std::max(kUnsuspicious, packed * kRatio));
}

void DocumentScanner::scan(ByteSource& source, const DocumentPlace& place) {
  Expansion expansion;
  share_.begin_document();
  Packed packed(source, expansion, share_);
  scan_part(packed, {.place = place}, expansion,
            [this](FoundLeak found) { sink_->add(std::move(found)); });
}

void DocumentScanner::scan_part(ByteSource& source, const Part& part, Expansion& expansion,
                                const Finds::Receive& receive) {
  Finds finds(receive);
  const LeakSearch::Visit visit = [&](const Leak& leak, const TextPosition& position) {
    FoundLeak found{part.place, part.position.value_or(position), leak};
    found.leak.form = part.position ? part.form : leak.form;
    finds.add_raw(std::move(found));
  };
  Document document(source, search_, visit);
  while (document.bytes().size() < kHead && document.read()) {
  }
  Search search{part, document, finds, expansion};
  std::size_t place = 0;
  if (const auto format = outer_format(document.bytes())) {
    place = scan_nested(search, *format);
  }
  while (const auto nested = next(search, place)) {
    place = scan_nested(search, *nested);
  }
  document.finish();
  finds.finish();
  if (!document.failure().empty() && !expansion.is_told) {
    sink_->warn(part.place, document.failure());
    expansion.is_told = !expansion.is_sane();
  }
}

std::optional<Nested> DocumentScanner::next(Search& search, std::size_t place) {
  Document& document = search.document;
  for (;;) {
    if (!search.is_stopped) {
      const std::size_t from = place - document.first();
      NestedSearch found =
          find_nested(document.bytes(), from, document.first(), document.is_whole());
      if (found.found) {
        found.found->offset += document.first();
        return found.found;
      }
      place = document.first() + found.end;
    }
    if (document.is_whole()) {
      return std::nullopt;
    }
    document.read();
  }
}

std::size_t DocumentScanner::scan_nested(Search& search, const Nested& nested) {
  const Document& document = search.document;
  const auto* const kind = std::get_if<ArchiveKind>(&nested.what);
  const std::size_t end = kind != nullptr
                              ? scan_archive(search, *kind, nested.offset)
                              : scan_encoded(search, nested, std::get<Encoding>(nested.what));
  return std::clamp(end, document.first(), document.first() + document.bytes().size());
}

std::size_t DocumentScanner::scan_archive(Search& search, ArchiveKind kind, std::size_t place) {
  constexpr std::size_t kMaxFailures = 1000;
  const bool is_outer = place == 0;
  const bool is_certain = is_outer && !is_text(search.document.bytes().substr(0, kHead));
  if (const std::string_view name = unread_name(kind); !name.empty()) {
    if (is_outer && !is_certain && kind != ArchiveKind::git_bundle) {
      return place + 1;
    }
    warn(search, "it has " + std::string(name) + ", which is not searched");
    return place + 1;
  }
  if (depth_ >= kMaxDepth) {
    warn(search, "archives are nested too deeply");
    return place + 1;
  }
  DocumentRest rest(search.document, place);
  ArchiveReader reader(kind, rest);
  if (!scan_members(search, reader, is_certain) && ++search.failures == kMaxFailures) {
    warn(search, "it has too many places that look like archives");
  }
  search.is_stopped = search.is_stopped || !search.expansion.is_sane();
  return place + std::max<std::size_t>(reader.consumed(), 1);
}

bool DocumentScanner::scan_members(Search& search, ArchiveReader& reader, bool is_certain) {
  bool is_told = false;  // the failure of a member is that of the archive
  for (bool has_any = false;; has_any = true) {
    const auto member = reader.next();
    if (!member) {
      if ((has_any || is_certain) && !is_told && search.document.failure().empty()) {
        sink_->warn(search.part.place, member.error().message);
      }
      return has_any;
    }
    if (!*member) {
      return true;
    }
    is_told = !scan_member(search, **member, reader);
    if (!search.expansion.is_sane()) {
      return true;
    }
  }
}

bool DocumentScanner::scan_member(Search& search, const ArchiveReader::Member& member,
                                  ByteSource& content) {
  const Finds::Receive receive = [&](FoundLeak found) { search.finds.add_inner(std::move(found)); };
  Part part = search.part;
  part.place.member += (part.place.member.empty() || member.name.empty() ? "" : "!") + member.name;
  find_in_name(member.name, LeakPart::name, part.place, receive);
  find_in_name(member.link, LeakPart::link, part.place, receive);
  if (member.encrypted) {
    sink_->warn(part.place, "it is encrypted");
    return true;
  }
  Unpacked unpacked(content, search.expansion);
  inner().scan_part(unpacked, part, search.expansion, receive);
  return !unpacked.has_failed();
}

std::size_t DocumentScanner::scan_encoded(Search& search, const Nested& nested, Encoding encoding) {
  constexpr int kMaxEncodings = 4;
  if (search.part.encodings == kMaxEncodings || depth_ >= kMaxDepth) {
    warn(search, "encodings are nested too deeply");
    return nested.offset + 1;
  }
  Part part = search.part;
  part.form = part.position ? part.form : form_of(encoding);
  part.position = part.position.value_or(search.document.position(nested.offset));
  ++part.encodings;
  DocumentRest rest(search.document, nested.offset);
  DecodingSource decoded(encoding, nested.mark, rest);
  inner().scan_part(decoded, part, search.expansion,
                    [&](FoundLeak found) { search.finds.add_decoded(std::move(found)); });
  return nested.offset + std::max<std::size_t>(decoded.consumed(), 1);
}

/// Reports why no more archives and encodings are searched in a document.
void DocumentScanner::warn(Search& search, std::string_view reason) {
  sink_->warn(search.part.place, reason);
  search.is_stopped = true;
}

DocumentScanner& DocumentScanner::inner() {
  if (!inner_) {
    inner_ = std::make_unique<DocumentScanner>(*sink_, depth_ + 1);
  }
  return *inner_;
}

}  // namespace nexakey::scan
