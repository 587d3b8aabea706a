#include "scan/git_origins.h"

#include <map>
#include <set>

#include "scan/git.h"
#include "scan/git_plumbing.h"

namespace nexakey::scan {
namespace {

// Linux has some 15 million changes in its history.
constexpr std::uint64_t kMaxChanges = 100'000'000;
constexpr std::size_t kMaxOrigins = 100'000;

/// For each object, its paths and the commit that added it at each.
class Origins {
 public:
  using OfContent = std::map<std::string, std::string>;

  void find(const std::set<std::string>& contents, const std::vector<std::string>& revisions,
            const Note& note) {
    Git commits(rev_list({"--reverse", "--topo-order"}, revisions));
    Git changes({"diff-tree", "--stdin", "-r", "-t", "-m", "--root", "--no-renames", "-z"},
                commits);
    const bool is_whole = read(changes, contents);
    if (!is_whole) {
      note("the history has too many paths to name the commits of all places");
    } else if (changes.finish() != 0) {
      note("the commits of some places are unknown: git failed: " + changes.complaint());
    }
  }

  [[nodiscard]] const OfContent* of(const std::string& content) const {
    const auto origins = origins_.find(content);
    return origins == origins_.end() ? nullptr : &origins->second;
  }

 private:
  /// Returns false at the limits.
  bool read(Git& changes, const std::set<std::string>& contents) {
    PartReader reader(changes);
    std::string commit;
    std::string part;
    GitChange change;
    std::size_t count = 0;
    for (std::uint64_t read = 0; reader.next(part); ++read) {
      if (read == kMaxChanges || count == kMaxOrigins) {
        return false;
      }
      if (!part.starts_with(':')) {
        commit = part;
      } else if (read_change(reader, part, change) && contents.contains(change.object)) {
        count += origins_[change.object].try_emplace(change.path, commit).second ? 1 : 0;
      }
    }
    return true;
  }

  std::map<std::string, OfContent> origins_;
};

bool has_name(const std::string& path, const std::string& name) {
  return path == name || path.ends_with("/" + name);
}

}  // namespace

std::vector<FoundLeak> attribute(std::vector<FoundLeak> found,
                                 const std::vector<std::string>& revisions, const Note& note) {
  std::set<std::string> contents;
  for (const FoundLeak& leak : found) {
    if (leak.document.commit.empty() && !leak.document.object.empty()) {
      contents.insert(leak.document.object);
    }
  }
  if (contents.empty()) {
    return found;
  }
  Origins origins;
  origins.find(contents, revisions, note);
  std::vector<FoundLeak> attributed;
  for (FoundLeak& leak : found) {
    const Origins::OfContent* const places = origins.of(leak.document.object);
    if (places == nullptr) {
      attributed.push_back(std::move(leak));
      continue;
    }
    for (const auto& [path, commit] : *places) {
      if (leak.part == LeakPart::name && !has_name(path, leak.document.path)) {
        continue;
      }
      FoundLeak& copy = attributed.emplace_back(leak);
      copy.document.path = path;
      copy.document.commit = commit;
      if (attributed.size() > LeakSink::kMaxLeaks) {
        break;  // each leak keeps one place
      }
    }
  }
  return attributed;
}

}  // namespace nexakey::scan
