#include "scan/file_scan.h"

#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/text.h"
#include "scan/document_scanner.h"
#include "scan/folder.h"
#include "scan/names.h"
#include "scan/walk.h"

namespace nexakey::scan {
namespace {

void scan_file(const std::string& path, DocumentScanner& scanner, LeakSink& sink) {
  const system::Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!file.is_open()) {
    sink.warn({.path = path}, reason_of(errno));
    return;
  }
  DescriptorSource source(file.value());
  scanner.scan(source, {.path = path});
}

enum class Kind { file, folder, broken_link };

core::Result<Kind> kind_of(const std::string& path) {
  struct stat status {};
  if (path == "-") {
    return Kind::file;
  }
  if (::stat(path.c_str(), &status) != 0 && (errno == ENOENT || errno == ENOTDIR)) {
    if (read_link(AT_FDCWD, path.c_str()).empty()) {
      return core::fail(core::ErrorCode::usage, "there is no " + core::quote(path));
    }
    return Kind::broken_link;
  }
  return S_ISDIR(status.st_mode) ? Kind::folder : Kind::file;
}

/// Searches the path itself and, if it is a symbolic link, its target.
void scan_name(const std::string& path, LeakSink& sink) {
  const DocumentPlace place{.path = path};
  find_in_path(place, sink);
  find_in_name(read_link(AT_FDCWD, path.c_str()), LeakPart::link, place,
               [&](FoundLeak found) { sink.add_name(std::move(found)); });
}

}  // namespace

core::Result<void> scan_paths(const std::vector<std::string>& paths, bool ignored, LeakSink& sink) {
  std::vector<std::string> folders;
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    const auto kind = kind_of(path);
    if (!kind) {
      return tl::unexpected(kind.error());
    }
    if (*kind != Kind::broken_link) {
      (*kind == Kind::folder ? folders : files).push_back(path);
    }
  }
  for (const std::string& path : paths) {
    scan_name(path, sink);
  }
  DocumentScanner scanner(sink);
  for (const std::string& path : files) {
    if (path == "-") {
      DescriptorSource source(STDIN_FILENO);
      scanner.scan(source, {.path = path});
    } else {
      scan_file(path, scanner, sink);
    }
  }
  if (!folders.empty()) {
    Walk walk(ignored, sink);
    for (const std::string& folder : folders) {
      walk.add_folder(folder);
    }
    walk.finish();
  }
  return {};
}

}  // namespace nexakey::scan
