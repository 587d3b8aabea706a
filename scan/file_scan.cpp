#include "scan/file_scan.h"

#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/text.h"
#include "scan/document_scanner.h"
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

core::Result<bool> is_folder(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0 && (errno == ENOENT || errno == ENOTDIR)) {
    return core::fail(core::ErrorCode::usage, "there is no " + core::quote(path));
  }
  return S_ISDIR(status.st_mode);
}

}  // namespace

core::Result<void> scan_paths(const std::vector<std::string>& paths, bool ignored, LeakSink& sink) {
  std::vector<std::string> folders;
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    const auto folder = path == "-" ? core::Result<bool>(false) : is_folder(path);
    if (!folder) {
      return tl::unexpected(folder.error());
    }
    (*folder ? folders : files).push_back(path);
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
  }
  return {};
}

}  // namespace nexakey::scan
