#include <algorithm>
#include <set>
#include <string>

#include "scan/document_scanner.h"
#include "scan/leak_finder.h"
#include "tests/fuzz/target.h"
#include "tests/support/piece_source.h"

namespace {

using namespace nexakey;

constexpr std::string_view kKey = "fc_live_Zq3Xw8Lr5Tn1Vb7Yc2Md9Kp4Hs6G";

using Hashes = std::set<core::KeyHash>;

Hashes scan_text(std::string_view text, std::size_t piece) {
  scan::LeakSink sink([](std::string_view /*message*/) {});
  test::PieceSource source(text, piece);
  scan::DocumentScanner(sink).scan(source, {.path = "document"});
  Hashes found;
  for (const scan::FoundLeak& leak : sink.take()) {
    fuzz::expect(leak.position.line >= 1 && leak.position.column >= 1, "positions count from 1");
    found.insert(leak.leak.hash);
  }
  return found;
}

}  // namespace

/// Documents of any kind: what is in their bytes is found, whatever else is, in pieces of any size.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) {
    return 0;
  }
  const std::string_view text = fuzz::text_of(data + 2, size - 2);
  const std::size_t place = text.size() * data[1] / 255;
  std::string document(text.substr(0, place));
  document.append("\n").append(kKey).append("\n").append(text.substr(place));
  Hashes in_bytes;
  scan::find_leaks(document, [&](const scan::Leak& leak) { in_bytes.insert(leak.hash); });
  fuzz::expect(in_bytes.contains(core::hash_api_key(kKey)), "a key is found among any bytes");
  fuzz::expect(std::ranges::includes(scan_text(document, 1 + data[0]), in_bytes),
               "the bytes of a document are always searched");
  return 0;
}
