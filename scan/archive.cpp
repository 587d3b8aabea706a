#include "scan/archive.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include <archive.h>
#include <archive_entry.h>

#include "scan/xz_source.h"
#include "system/library.h"

namespace nexakey::scan {
namespace {

/// The size of a read. The source keeps more than this many of the bytes that it gave.
constexpr std::size_t kPiece = 16384;

/// libarchive does not read zlib streams (RFC 1950), but gzip files, which differ in what is around
/// the compressed data. It does not check the checksum behind them.
constexpr std::size_t kZlibHeader = 2;
constexpr std::size_t kZlibTrailer = 4;
constexpr std::string_view kGzipHeader("\x1F\x8B\x08\0\0\0\0\0\0\x03", 10);
constexpr std::string_view kGzipTrailer("\0\0\0\0\0\0\0\0", 8);

/// How many zeros are given behind a file that may be cut off.
constexpr std::size_t kMaxZeros = 65536;

bool is_padded(ArchiveKind kind) { return kind == ArchiveKind::gzip || kind == ArchiveKind::zlib; }

/// The functions of libarchive that scan uses.
struct LibArchive {
  decltype(&::archive_read_new) read_new;
  decltype(&::archive_read_free) read_free;
  decltype(&::archive_read_append_filter) append_filter;
  decltype(&::archive_read_support_filter_compress) support_compress;
  decltype(&::archive_read_support_format_raw) support_raw;
  decltype(&::archive_read_support_format_tar) support_tar;
  decltype(&::archive_read_support_format_zip_streamable) support_zip;
  decltype(&::archive_read_support_format_ar) support_ar;
  decltype(&::archive_read_support_format_cpio) support_cpio;
  decltype(&::archive_read_support_format_cab) support_cab;
  decltype(&::archive_read_support_format_empty) support_empty;
  decltype(&::archive_filter_bytes) filter_bytes;
  decltype(&::archive_read_open) open;
  decltype(&::archive_read_next_header) next_header;
  decltype(&::archive_read_data_block) read_block;
  decltype(&::archive_error_string) error_string;
  decltype(&::archive_entry_pathname) pathname;
  decltype(&::archive_entry_pathname_utf8) pathname_utf8;
  decltype(&::archive_entry_symlink) symlink;
  decltype(&::archive_entry_hardlink) hardlink;
  decltype(&::archive_entry_is_data_encrypted) is_data_encrypted;
};

std::optional<LibArchive> load() {
  system::Library library("libarchive.so.13");
  LibArchive table{};
  library.find(table.read_new, "archive_read_new");
  library.find(table.read_free, "archive_read_free");
  library.find(table.append_filter, "archive_read_append_filter");
  library.find(table.support_compress, "archive_read_support_filter_compress");
  library.find(table.support_raw, "archive_read_support_format_raw");
  library.find(table.support_tar, "archive_read_support_format_tar");
  library.find(table.support_zip, "archive_read_support_format_zip_streamable");
  library.find(table.support_ar, "archive_read_support_format_ar");
  library.find(table.support_cpio, "archive_read_support_format_cpio");
  library.find(table.support_cab, "archive_read_support_format_cab");
  library.find(table.support_empty, "archive_read_support_format_empty");
  library.find(table.filter_bytes, "archive_filter_bytes");
  library.find(table.open, "archive_read_open");
  library.find(table.next_header, "archive_read_next_header");
  library.find(table.read_block, "archive_read_data_block");
  library.find(table.error_string, "archive_error_string");
  library.find(table.pathname, "archive_entry_pathname");
  library.find(table.pathname_utf8, "archive_entry_pathname_utf8");
  library.find(table.symlink, "archive_entry_symlink");
  library.find(table.hardlink, "archive_entry_hardlink");
  library.find(table.is_data_encrypted, "archive_entry_is_data_encrypted");
  return library.is_whole() ? std::optional(table) : std::nullopt;
}

const std::optional<LibArchive>& libarchive() {
  static const std::optional<LibArchive> table = load();
  return table;
}

/// The filter of libarchive for a compressed file; nothing for a format with members.
std::optional<int> filter_of(ArchiveKind kind) {
  struct Filter {
    ArchiveKind kind;
    int code;
  };
  constexpr std::array<Filter, 10> kFilters{{{ArchiveKind::gzip, ARCHIVE_FILTER_GZIP},
                                             {ArchiveKind::zlib, ARCHIVE_FILTER_GZIP},
                                             {ArchiveKind::bzip2, ARCHIVE_FILTER_BZIP2},
                                             {ArchiveKind::xz, ARCHIVE_FILTER_XZ},
                                             {ArchiveKind::zstd, ARCHIVE_FILTER_ZSTD},
                                             {ArchiveKind::lzma, ARCHIVE_FILTER_LZMA},
                                             {ArchiveKind::lz4, ARCHIVE_FILTER_LZ4},
                                             {ArchiveKind::lzip, ARCHIVE_FILTER_LZIP},
                                             {ArchiveKind::uuencode, ARCHIVE_FILTER_UU},
                                             {ArchiveKind::rpm, ARCHIVE_FILTER_RPM}}};
  const auto* const filter = std::ranges::find(kFilters, kind, &Filter::kind);
  return filter == kFilters.end() ? std::nullopt : std::optional(filter->code);
}

/// Whether a kind is a compressed file, without members.
bool is_one_file(ArchiveKind kind) {
  return kind == ArchiveKind::compress || filter_of(kind).has_value();
}

/// Has libarchive unpack a kind, and nothing that is in it.
int unpack(const LibArchive& library, ::archive* handle, ArchiveKind kind) {
  if (kind == ArchiveKind::compress) {
    // Appended, this filter reads before there is anything to read, and ends the process.
    return library.support_compress(handle);
  }
  const std::optional<int> filter = filter_of(kind);
  return filter ? library.append_filter(handle, *filter) : ARCHIVE_OK;
}

/// Has libarchive read the members of a kind; of a compressed file, its content and nothing else.
int support(const LibArchive& library, ::archive* handle, ArchiveKind kind) {
  switch (kind) {
    case ArchiveKind::tar:
      return library.support_tar(handle);
    case ArchiveKind::zip:
      return library.support_zip(handle);
    case ArchiveKind::ar:
      return library.support_ar(handle);
    case ArchiveKind::cpio:
      return library.support_cpio(handle);
    case ArchiveKind::cab:
      return library.support_cab(handle);
    default:
      return std::min(library.support_raw(handle), library.support_empty(handle));
  }
}

}  // namespace

struct ArchiveReader::State {
  ArchiveKind kind = ArchiveKind::gzip;
  ByteSource* source = nullptr;
  std::vector<char> buffer = std::vector<char>(kPiece);
  std::string_view front{};  // given before the source
  std::size_t given = 0;     // bytes of the source
  bool at_end = false;       // of the source
  std::size_t zeros = 0;     // how many were given behind it
  std::string_view back{};   // given behind it
  std::optional<XzSource> xz{};
  std::string_view block{};  // what was unpacked and not returned
  std::string source_error{};
  ::archive* handle = nullptr;

  [[nodiscard]] core::Error error() const {
    if (!source_error.empty()) {
      return {core::ErrorCode::failed, source_error, ""};
    }
    const char* const text = libarchive()->error_string(handle);
    return {core::ErrorCode::failed, text == nullptr ? "the archive is damaged" : text, ""};
  }

  la_ssize_t give_constant(std::string_view text, const void** bytes) const {
    *bytes = text.data();
    return static_cast<la_ssize_t>(text.size());
  }

  /// What is given behind the source.
  la_ssize_t give_end(const void** bytes) {
    if (!back.empty()) {
      return give_constant(std::exchange(back, {}), bytes);
    }
    // Of data that is cut off, libarchive drops the last piece that it has decoded. It returns that
    // if more follows: zeros go on as some bytes in these formats.
    static constexpr std::array<char, 1024> kZeros{};
    at_end = true;
    if (!is_padded(kind) || zeros == kMaxZeros) {
      return 0;
    }
    zeros += kZeros.size();
    return give_constant({kZeros.data(), kZeros.size()}, bytes);
  }

  static la_ssize_t give(::archive* /*handle*/, void* data, const void** bytes) {
    auto& state = *static_cast<State*>(data);
    if (!state.front.empty()) {
      return state.give_constant(std::exchange(state.front, {}), bytes);
    }
    const auto count = state.source->read(state.buffer.data(), state.buffer.size());
    if (!count) {
      state.source_error = count.error().message;
      return ARCHIVE_FATAL;
    }
    if (*count == 0) {
      return state.give_end(bytes);
    }
    state.given += *count;
    *bytes = state.buffer.data();
    return static_cast<la_ssize_t>(*count);
  }

  core::Result<void> open() {
    if (!libarchive()) {
      return core::fail(core::ErrorCode::failed, "it is an archive: install libarchive13");
    }
    const LibArchive& library = *libarchive();
    handle = library.read_new();
    // Only this kind: nested formats are scanned and counted separately.
    const bool is_ready = unpack(library, handle, kind) >= ARCHIVE_WARN &&
                          support(library, handle, kind) >= ARCHIVE_WARN &&
                          library.open(handle, this, nullptr, give, nullptr) >= ARCHIVE_WARN;
    // A damaged file, of which nothing could be read, looks empty.
    if (!is_ready || library.error_string(handle) != nullptr) {
      return tl::unexpected(error());
    }
    return {};
  }
};

ArchiveReader::ArchiveReader(ArchiveKind kind, ByteSource& source)
    : state_(std::make_unique<State>()) {
  state_->kind = kind;
  state_->source = &source;
  if (kind == ArchiveKind::xz) {
    state_->source = &state_->xz.emplace(source);
  }
  if (kind == ArchiveKind::zlib) {
    state_->front = kGzipHeader;
    state_->back = kGzipTrailer;
    state_->given = source.read(state_->buffer.data(), kZlibHeader).value_or(0);
  }
}

ArchiveReader::~ArchiveReader() {
  if (state_->handle != nullptr) {
    libarchive()->read_free(state_->handle);
  }
}

core::Result<std::optional<ArchiveReader::Member>> ArchiveReader::next() {
  if (state_->handle == nullptr) {
    if (auto opened = state_->open(); !opened) {
      return tl::unexpected(std::move(opened.error()));
    }
  }
  const LibArchive& library = *libarchive();
  state_->block = {};
  ::archive_entry* entry = nullptr;
  const int status = library.next_header(state_->handle, &entry);
  if (status == ARCHIVE_EOF) {
    if (is_padded(state_->kind) && consumed() > state_->given) {
      return core::fail(core::ErrorCode::failed, "it is cut off");
    }
    return std::optional<Member>();
  }
  if (status < ARCHIVE_WARN) {
    return tl::unexpected(state_->error());
  }
  Member member;
  if (!is_one_file(state_->kind)) {
    const char* const utf8 = library.pathname_utf8(entry);
    const char* const name = utf8 != nullptr ? utf8 : library.pathname(entry);
    member.name = name == nullptr ? "?" : name;
    const char* const symlink = library.symlink(entry);
    const char* const link = symlink != nullptr ? symlink : library.hardlink(entry);
    member.link = link == nullptr ? "" : link;
    member.encrypted = library.is_data_encrypted(entry) == 1;
  }
  return std::optional(std::move(member));
}

core::Result<std::size_t> ArchiveReader::read(char* buffer, std::size_t size) {
  while (state_->block.empty()) {
    const bool was_at_end = state_->at_end;
    const void* bytes = nullptr;
    std::size_t count = 0;
    la_int64_t offset = 0;
    const int status = libarchive()->read_block(state_->handle, &bytes, &count, &offset);
    if (was_at_end) {
      state_->zeros = kMaxZeros;
    }
    if (status == ARCHIVE_EOF) {
      return 0;
    }
    if (status < ARCHIVE_WARN) {
      return tl::unexpected(state_->error());
    }
    state_->block = {static_cast<const char*>(bytes), count};
  }
  const std::size_t count = state_->block.copy(buffer, size);
  state_->block.remove_prefix(count);
  return count;
}

std::size_t ArchiveReader::consumed() const {
  constexpr int kSource = -1;  // the last of the filters
  const auto count =
      state_->handle == nullptr ? 0 : libarchive()->filter_bytes(state_->handle, kSource);
  const std::int64_t added =
      state_->kind == ArchiveKind::zlib
          ? kGzipHeader.size() - kZlibHeader + kGzipTrailer.size() - kZlibTrailer
          : 0;
  return static_cast<std::size_t>(std::max<std::int64_t>(count - added, 0));
}

}  // namespace nexakey::scan
