#pragma once

#include <functional>
#include <set>
#include <vector>

#include "scan/leak_sink.h"

namespace nexakey::scan {

/// The leaks of one document. The same key is often found several ways: in the bytes of an archive
/// and in a member that is stored in it, or in base64 and in what it encodes. Of these, the member
/// is reported, and else what is in the bytes.
class Finds {
 public:
  using Receive = std::function<void(FoundLeak)>;
  explicit Finds(const Receive& receive) : receive_(&receive) {}

  /// In a member of an archive.
  void add_inner(FoundLeak found);
  /// In the bytes of the document.
  void add_raw(FoundLeak found) { keep(raw_, std::move(found)); }
  /// In what a part of the document encodes.
  void add_decoded(FoundLeak found) { keep(decoded_, std::move(found)); }
  /// Passes the rest on, at the end of the document.
  void finish();

 private:
  void keep(std::vector<FoundLeak>& finds, FoundLeak found);
  void pass(std::vector<FoundLeak>& finds);

  const Receive* receive_;
  std::vector<FoundLeak> raw_;
  std::vector<FoundLeak> decoded_;
  std::set<core::KeyHash> reported_;
};

}  // namespace nexakey::scan
