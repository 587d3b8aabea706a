#include "scan/archive_kind.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "scan/fingerprints.h"

namespace nexakey::scan {
namespace {

using namespace std::string_view_literals;

struct Magic {
  ArchiveKind kind;
  std::size_t offset;
  std::string_view bytes;
};

constexpr std::array kMagics{
    Magic{ArchiveKind::gzip, 0, "\x1F\x8B\x08"sv},
    Magic{ArchiveKind::zlib, 0, "x\x01"sv},
    Magic{ArchiveKind::zlib, 0, "x^"sv},
    Magic{ArchiveKind::zlib, 0, "x\x9C"sv},
    Magic{ArchiveKind::zlib, 0, "x\xDA"sv},
    Magic{ArchiveKind::bzip2, 0, "BZh"sv},
    Magic{ArchiveKind::xz, 0, "\xFD\x37zXZ\0"sv},
    Magic{ArchiveKind::zstd, 0, "\x28\xB5\x2F\xFD"sv},
    Magic{ArchiveKind::lz4, 0, "\x04\x22\x4D\x18"sv},
    Magic{ArchiveKind::lz4, 0, "\x02\x21\x4C\x18"sv},
    Magic{ArchiveKind::lzip, 0, "LZIP\x01"sv},
    Magic{ArchiveKind::compress, 0, "\x1F\x9D"sv},
    Magic{ArchiveKind::uuencode, 0, "begin 6"sv},
    Magic{ArchiveKind::uuencode, 0, "begin 7"sv},
    Magic{ArchiveKind::rpm, 0, "\xED\xAB\xEE\xDB"sv},
    Magic{ArchiveKind::zip, 0, "PK\x03\x04"sv},
    Magic{ArchiveKind::zip, 0, "PK00PK\x03\x04"sv},
    Magic{ArchiveKind::tar, 257, "ustar\0"sv},
    Magic{ArchiveKind::tar, 257, "ustar  "sv},
    Magic{ArchiveKind::ar, 0, "!<arch>\n"sv},
    Magic{ArchiveKind::cpio, 0, "07070"sv},
    Magic{ArchiveKind::cpio, 0, "\xC7\x71"sv},
    Magic{ArchiveKind::cpio, 0, "\x71\xC7"sv},
    Magic{ArchiveKind::cab, 0, "MSCF\0\0\0\0"sv},
    Magic{ArchiveKind::seven_zip, 0, "7z\xBC\xAF\x27\x1C"sv},
    Magic{ArchiveKind::rar, 0, "Rar!\x1A\x07"sv},
    Magic{ArchiveKind::xar, 0, "xar!"sv},
    Magic{ArchiveKind::git_pack, 0, "PACK\0\0\0"sv},
    Magic{ArchiveKind::git_bundle, 0, "# v2 git bundle\n"sv},
    Magic{ArchiveKind::git_bundle, 0, "# v3 git bundle\n"sv},
    Magic{ArchiveKind::lzop, 0, "\x89LZO\0\r\n\x1A\n"sv},
    Magic{ArchiveKind::lrzip, 0, "LRZI\0"sv},
    Magic{ArchiveKind::pack, 0, "\x1F\x1E"sv},
    Magic{ArchiveKind::pack, 0, "\x1F\xA0"sv},
    Magic{ArchiveKind::squashfs, 0, "hsqs"sv},
    Magic{ArchiveKind::wim, 0, "MSWIM\0\0\0"sv},
    Magic{ArchiveKind::arj, 0, "\x60\xEA"sv},
};

std::uint8_t byte_at(std::string_view text, std::size_t at) {
  return static_cast<std::uint8_t>(text[at]);
}

/// The header of .lzma has no signature: properties 0x5D, the size of the dictionary (a power of
/// two, or the sum of two) and that of the content, which is unknown or below 2^40.
bool is_lzma(std::string_view head) {
  constexpr std::size_t kHeader = 14;
  if (head.size() < kHeader || head.substr(0, 3) != "\x5D\0\0"sv || head[13] != '\0') {
    return false;
  }
  const std::string_view size = head.substr(5, 8);
  return size == "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"sv || size.ends_with("\0\0\0"sv);
}

/// A signature of an archive that may be behind other bytes.
struct InnerMagic {
  Fingerprints::Pattern fingerprint;
  ArchiveKind kind;
  std::size_t offset;  ///< of the fingerprint in the archive
  bool (*is_plausible)(std::string_view text);
};

bool is_zip(std::string_view text) {
  constexpr std::size_t kMaxVersion = 63;
  constexpr std::size_t kHeader = 30;
  return text.size() >= kHeader && byte_at(text, 4) <= kMaxVersion && byte_at(text, 9) == 0;
}

bool is_gzip(std::string_view text) {
  constexpr std::size_t kHeader = 18;
  return text.size() >= kHeader && byte_at(text, 3) < 0x20 &&
         (text[8] == 0 || text[8] == 2 || text[8] == 4) &&
         (byte_at(text, 9) <= 13 || byte_at(text, 9) == 0xFF);
}

bool is_bzip2(std::string_view text) {
  return text.starts_with("BZh") && text.substr(4).starts_with("1AY&SY");
}

bool is_xz(std::string_view text) { return text.starts_with("\xFD\x37zXZ\0\0"sv); }

bool is_zstd(std::string_view text) {
  constexpr unsigned kReserved = 0x18;
  return text.size() > 8 && (byte_at(text, 4) & kReserved) == 0;
}

bool is_seven_zip(std::string_view text) { return text.starts_with("7z\xBC\xAF\x27\x1C\0"sv); }
bool is_rar(std::string_view text) { return text.starts_with("Rar!\x1A\x07"sv); }
bool is_iso(std::string_view text) {
  return text.starts_with(
      "\x01"
      "CD001\x01"sv);
}

constexpr std::array kInner{
    InnerMagic{{"PK\x03\x04"sv, 0}, ArchiveKind::zip, 0, is_zip},
    InnerMagic{{"\x1F\x8B\x08"sv, 1}, ArchiveKind::gzip, 0, is_gzip},
    InnerMagic{{"1AY&"sv, 2}, ArchiveKind::bzip2, 4, is_bzip2},
    InnerMagic{{"\xFD\x37zX"sv, 3}, ArchiveKind::xz, 0, is_xz},
    InnerMagic{{"\x28\xB5\x2F\xFD"sv, 4}, ArchiveKind::zstd, 0, is_zstd},
    InnerMagic{{"7z\xBC\xAF"sv, 5}, ArchiveKind::seven_zip, 0, is_seven_zip},
    InnerMagic{{"Rar!"sv, 6}, ArchiveKind::rar, 0, is_rar},
    InnerMagic{{"CD00"sv, 7}, ArchiveKind::iso, 1, is_iso},
};

constexpr auto kInnerPatterns = [] {
  std::array<Fingerprints::Pattern, kInner.size()> patterns{};
  std::ranges::transform(kInner, patterns.begin(), &InnerMagic::fingerprint);
  return patterns;
}();
constexpr Fingerprints kInnerFingerprints(kInnerPatterns);

}  // namespace

std::optional<ArchiveKind> archive_kind(std::string_view head) {
  const auto* const magic = std::ranges::find_if(kMagics, [&](const Magic& m) {
    return head.size() > m.offset && head.substr(m.offset).starts_with(m.bytes);
  });
  if (magic != kMagics.end()) {
    return magic->kind;
  }
  return is_lzma(head) ? std::optional(ArchiveKind::lzma) : std::nullopt;
}

std::optional<InnerArchive> find_archive(std::string_view text, std::size_t size,
                                         std::size_t before) {
  constexpr std::size_t kIsoDescriptors = 32768;
  const std::string_view searched = text.substr(0, size + kMaxSignature);
  for (auto hit = kInnerFingerprints.find(searched, 0); hit;
       hit = kInnerFingerprints.find(searched, hit->offset + 1)) {
    const InnerMagic& magic = kInner[hit->pattern];
    if (hit->offset < magic.offset || hit->offset - magic.offset >= size) {
      continue;
    }
    const std::size_t offset = hit->offset - magic.offset;
    const bool is_placed = magic.kind != ArchiveKind::iso || before + offset == kIsoDescriptors;
    if (is_placed && magic.is_plausible(text.substr(offset, kMaxSignature))) {
      return InnerArchive{offset, magic.kind};
    }
  }
  return std::nullopt;
}

std::string_view unread_name(ArchiveKind kind) {
  struct Name {
    ArchiveKind kind;
    std::string_view name;
  };
  constexpr std::array<Name, 12> kNames{{
      {ArchiveKind::seven_zip, "a 7z archive"},
      {ArchiveKind::rar, "a RAR archive"},
      {ArchiveKind::xar, "a xar archive"},
      {ArchiveKind::iso, "an ISO 9660 image"},
      {ArchiveKind::git_pack, "a packfile of git"},
      {ArchiveKind::git_bundle, "a git bundle"},
      {ArchiveKind::lzop, "an lzop file"},
      {ArchiveKind::lrzip, "an lrzip file"},
      {ArchiveKind::pack, "a file of pack or LZH"},
      {ArchiveKind::squashfs, "a SquashFS image"},
      {ArchiveKind::wim, "a WIM image"},
      {ArchiveKind::arj, "an ARJ archive"},
  }};
  const auto* const name = std::ranges::find(kNames, kind, &Name::kind);
  return name == kNames.end() ? "" : name->name;
}

}  // namespace nexakey::scan
