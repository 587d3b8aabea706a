#include "scan/git_names.h"

#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "core/sha256.h"
#include "scan/git.h"
#include "scan/names.h"

namespace nexakey::scan {
namespace {

void scan_entry(std::string_view entry, std::string_view id, LeakSink& sink) {
  const std::string_view name = entry.substr(entry.find(' ') + 1);
  const std::span bytes(reinterpret_cast<const std::uint8_t*>(id.data()), id.size());
  const auto add = [&](FoundLeak found) {
    found.document = {.path = std::string(name), .object = core::to_hex(bytes)};
    sink.add_name(std::move(found));
  };
  find_in_name(name, LeakPart::name, {}, add);
}

}  // namespace

void scan_tree(ByteSource& tree, std::size_t id_size, LeakSink& sink) {
  constexpr std::size_t kPiece = 65536;
  std::string buffer;
  for (std::size_t at = 0;;) {
    const std::size_t end = buffer.find('\0', at);
    if (end != std::string::npos && end + id_size < buffer.size()) {
      const std::string_view text = buffer;
      scan_entry(text.substr(at, end - at), text.substr(end + 1, id_size), sink);
      at = end + 1 + id_size;
      continue;
    }
    // A name that is longer than a piece is one that no file can have.
    buffer.erase(0, buffer.size() - at > kPiece ? buffer.size() - kMaxLeakLength : at);
    at = 0;
    const std::size_t left = buffer.size();
    buffer.resize(left + kPiece);
    const std::size_t count = tree.read(buffer.data() + left, kPiece).value_or(0);
    buffer.resize(left + count);
    if (count == 0) {
      return;
    }
  }
}

void scan_references(LeakSink& sink) {
  Git git({"for-each-ref", "--format=%(refname)"});
  PartReader reader(git, '\n');
  for (std::string name; reader.next(name);) {
    find_in_name(name, LeakPart::name, {.path = name},
                 [&](FoundLeak found) { sink.add_name(std::move(found)); });
  }
}

}  // namespace nexakey::scan
