#include "scan/git_plumbing.h"

#include "core/text.h"

namespace nexakey::scan {

std::vector<std::string> rev_list(std::vector<std::string> options,
                                  const std::vector<std::string>& revisions) {
  std::vector<std::string> words = std::move(options);
  words.insert(words.begin(), "rev-list");
  if (revisions.empty()) {
    words.insert(words.end(), {"--all", "--reflog"});
  } else {
    words.emplace_back("--end-of-options");
    words.insert(words.end(), revisions.begin(), revisions.end());
  }
  words.emplace_back("--");
  return words;
}

bool read_change(PartReader& reader, const std::string& part, GitChange& change) {
  const std::vector<std::string_view> words = core::split(part, ' ');
  if (words.size() < 5 || !reader.next(change.path)) {
    return false;
  }
  change.mode = words[1];
  change.object = words[3];
  change.status = words[4];
  return true;
}

}  // namespace nexakey::scan
