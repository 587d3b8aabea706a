#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "scan/git.h"
#include "scan/leak_sink.h"

namespace nexakey::scan {

/// The counts of a search of objects.
struct ObjectCensus {
  std::uint64_t searched = 0;
  std::uint64_t missing = 0;  ///< those that the repository does not have
  std::uint64_t cut = 0;      ///< commits whose parents are missing in a shallow clone, at least

  void add(const ObjectCensus& other);
};

/// Searches objects on all processors, at most four. On each, a git reads objects, which takes most
/// of the time, and a thread searches them.
class ObjectSearch {
 public:
  /// `cut`: the commits to count as such. Passes leaks and problems to `sink`. Both must outlive
  /// this object. Needs SIGPIPE to be ignored.
  ObjectSearch(const std::set<std::string>& cut, LeakSink& sink);

  /// Searches the objects whose ids `list` prints, one in a line. Ends early if no git can go on.
  ObjectCensus run(Git& list);

  /// The git that failed or, if none did, that could not do all: see Git::complaint. To be called
  /// after `run`.
  Git& worst();

 private:
  const std::set<std::string>* cut_;
  LeakSink* sink_;
  std::vector<std::unique_ptr<Git>> gits_;
};

}  // namespace nexakey::scan
