#include "scan/archive.h"

#include <algorithm>
#include <array>
#include <vector>

#include <archive.h>
#include <archive_entry.h>

#include "system/library.h"

namespace nexakey::scan {
namespace {

/// The functions of libarchive that scan uses.
struct LibArchive {
  decltype(&::archive_read_new) read_new;
  decltype(&::archive_read_free) read_free;
  decltype(&::archive_read_append_filter) append_filter;
  decltype(&::archive_read_support_format_raw) support_raw;
  decltype(&::archive_read_support_format_tar) support_tar;
  decltype(&::archive_read_support_format_zip_streamable) support_zip;
  decltype(&::archive_read_open) open;
  decltype(&::archive_read_next_header) next_header;
  decltype(&::archive_read_data) read_data;
  decltype(&::archive_error_string) error_string;
  decltype(&::archive_entry_pathname) pathname;
  decltype(&::archive_entry_pathname_utf8) pathname_utf8;
  decltype(&::archive_entry_is_data_encrypted) is_data_encrypted;
};

std::optional<LibArchive> load() {
  system::Library library("libarchive.so.13");
  LibArchive table{};
  library.find(table.read_new, "archive_read_new");
  library.find(table.read_free, "archive_read_free");
  library.find(table.append_filter, "archive_read_append_filter");
  library.find(table.support_raw, "archive_read_support_format_raw");
  library.find(table.support_tar, "archive_read_support_format_tar");
  library.find(table.support_zip, "archive_read_support_format_zip_streamable");
  library.find(table.open, "archive_read_open");
  library.find(table.next_header, "archive_read_next_header");
  library.find(table.read_data, "archive_read_data");
  library.find(table.error_string, "archive_error_string");
  library.find(table.pathname, "archive_entry_pathname");
  library.find(table.pathname_utf8, "archive_entry_pathname_utf8");
  library.find(table.is_data_encrypted, "archive_entry_is_data_encrypted");
  return library.is_whole() ? std::optional(table) : std::nullopt;
}

const std::optional<LibArchive>& libarchive() {
  static const std::optional<LibArchive> table = load();
  return table;
}

struct Magic {
  ArchiveKind kind;
  std::size_t offset;
  std::string_view bytes;
};

constexpr std::array<Magic, 8> kMagics{{
    {ArchiveKind::gzip, 0, "\x1F\x8B\x08"},
    {ArchiveKind::bzip2, 0, "BZh"},
    {ArchiveKind::xz,
     0,
     {"\xFD"
      "7zXZ\0",
      6}},
    {ArchiveKind::zstd, 0, "\x28\xB5\x2F\xFD"},
    {ArchiveKind::zip, 0, "PK\x03\x04"},
    {ArchiveKind::zip, 0, "PK00PK\x03\x04"},
    {ArchiveKind::tar, 257, {"ustar\0", 6}},
    {ArchiveKind::tar, 257, "ustar  "},
}};

/// The filter of libarchive for a compressed file; nothing for a format with members.
std::optional<int> filter_of(ArchiveKind kind) {
  switch (kind) {
    case ArchiveKind::gzip:
      return ARCHIVE_FILTER_GZIP;
    case ArchiveKind::bzip2:
      return ARCHIVE_FILTER_BZIP2;
    case ArchiveKind::xz:
      return ARCHIVE_FILTER_XZ;
    case ArchiveKind::zstd:
      return ARCHIVE_FILTER_ZSTD;
    case ArchiveKind::tar:
    case ArchiveKind::zip:
      break;
  }
  return std::nullopt;
}

}  // namespace

std::optional<ArchiveKind> archive_kind(std::string_view head) {
  const auto* const magic = std::ranges::find_if(kMagics, [&](const Magic& m) {
    return head.size() > m.offset && head.substr(m.offset).starts_with(m.bytes);
  });
  return magic == kMagics.end() ? std::nullopt : std::optional(magic->kind);
}

struct ArchiveReader::State {
  ArchiveKind kind;
  std::string_view head;
  ByteSource* source;
  std::vector<char> buffer = std::vector<char>(65536);
  std::string source_error{};
  ::archive* handle = nullptr;

  [[nodiscard]] core::Error error() const {
    if (!source_error.empty()) {
      return {core::ErrorCode::failed, source_error, ""};
    }
    const char* const text = libarchive()->error_string(handle);
    return {core::ErrorCode::failed, text == nullptr ? "the archive is damaged" : text, ""};
  }

  static la_ssize_t give(::archive* /*handle*/, void* data, const void** bytes) {
    auto& state = *static_cast<State*>(data);
    if (!state.head.empty()) {
      *bytes = state.head.data();
      return static_cast<la_ssize_t>(std::exchange(state.head, {}).size());
    }
    const auto count = state.source->read(state.buffer.data(), state.buffer.size());
    if (!count) {
      state.source_error = count.error().message;
      return ARCHIVE_FATAL;
    }
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
    const std::optional<int> filter = filter_of(kind);
    const bool is_ready =
        (filter ? library.append_filter(handle, *filter) : ARCHIVE_OK) >= ARCHIVE_WARN &&
        (filter                     ? library.support_raw(handle)
         : kind == ArchiveKind::tar ? library.support_tar(handle)
                                    : library.support_zip(handle)) >= ARCHIVE_WARN &&
        library.open(handle, this, nullptr, give, nullptr) >= ARCHIVE_WARN;
    if (!is_ready) {
      return tl::unexpected(error());
    }
    return {};
  }
};

ArchiveReader::ArchiveReader(ArchiveKind kind, std::string_view head, ByteSource& source)
    : state_(std::make_unique<State>(State{.kind = kind, .head = head, .source = &source})) {}

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
  ::archive_entry* entry = nullptr;
  const int status = library.next_header(state_->handle, &entry);
  if (status == ARCHIVE_EOF) {
    return std::optional<Member>();
  }
  if (status < ARCHIVE_WARN) {
    return tl::unexpected(state_->error());
  }
  Member member;
  if (!filter_of(state_->kind)) {
    const char* const utf8 = library.pathname_utf8(entry);
    const char* const name = utf8 != nullptr ? utf8 : library.pathname(entry);
    member.name = name == nullptr ? "?" : name;
    member.encrypted = library.is_data_encrypted(entry) == 1;
  }
  return std::optional(std::move(member));
}

core::Result<std::size_t> ArchiveReader::read(char* buffer, std::size_t size) {
  const la_ssize_t count = libarchive()->read_data(state_->handle, buffer, size);
  if (count < 0) {
    return tl::unexpected(state_->error());
  }
  return static_cast<std::size_t>(count);
}

}  // namespace nexakey::scan
