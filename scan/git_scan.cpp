#include "scan/git_scan.h"

#include <algorithm>
#include <climits>
#include <set>
#include <span>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/text.h"
#include "scan/document_scanner.h"
#include "scan/git.h"
#include "scan/git_names.h"
#include "scan/git_objects.h"
#include "scan/git_plumbing.h"
#include "scan/names.h"
#include "scan/object_search.h"

namespace nexakey::scan {
namespace {

constexpr const char* kMissing = "the repository does not have it";

/// Runs `git rev-parse`, which prints a line for each question. The error is that of git, if it
/// cannot open the repository.
core::Result<std::vector<std::string>> ask_repository(std::vector<std::string> questions) {
  questions.insert(questions.begin(), "rev-parse");
  Git git(questions);
  PartReader reader(git, '\n');
  std::vector<std::string> answers;
  for (std::string line; reader.next(line);) {
    answers.push_back(line);
  }
  if (git.finish() != 0 && git.complaint().find("safe.bareRepository") != std::string::npos) {
    return core::fail(core::ErrorCode::failed, "git failed: " + git.complaint(),
                      "if you trust the bare repository, set GIT_DIR to its path");
  }
  return git.succeed().map([&] { return std::move(answers); });
}

std::string read_regular_file(const std::string& path) {
  const system::Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  struct stat status {};
  if (!file.is_open() || ::fstat(file.value(), &status) != 0 || !S_ISREG(status.st_mode)) {
    return "";
  }
  std::string text(static_cast<std::size_t>(status.st_size), '\0');
  const ssize_t count = system::read_some(file.value(), text.data(), text.size());
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
  return text;
}

/// The content of the file `shallow` (Documentation/technical/shallow.txt of git).
struct Shallow {
  std::set<std::string> commits;  ///< those whose parents a shallow clone does not have
  bool is_clear = true;           ///< false: there may be more than `commits`
};

/// Reads a line of the file `shallow`. git reads the id at its beginning, in upper or lower case,
/// and ignores what follows; in a very long line, it looks for more ids.
void read_shallow_line(std::string_view line, std::size_t id_size, Shallow& shallow) {
  std::string id(line.substr(0, id_size));
  std::ranges::transform(id, id.begin(), core::to_lower);
  const std::string_view rest = line.substr(id.size());
  if (id.size() != id_size || id.find_first_not_of("0123456789abcdef") != std::string::npos ||
      (!rest.empty() && rest != "\r")) {
    shallow.is_clear = false;
  }
  shallow.commits.insert(std::move(id));
}

core::Result<Shallow> read_shallow() {
  const auto answers =
      ask_repository({"--is-shallow-repository", "--show-object-format", "--git-path", "shallow"});
  if (!answers) {
    return tl::unexpected(answers.error());
  }
  Shallow shallow;
  if (answers->size() < 3 || answers->at(0) != "true") {
    return shallow;
  }
  const std::string text = read_regular_file(answers->at(2));
  std::vector<std::string_view> lines = core::split(text, '\n');
  if (lines.back().empty()) {
    lines.pop_back();
  }
  shallow.is_clear = !lines.empty();
  for (const std::string_view line : lines) {
    read_shallow_line(line, answers->at(1) == "sha256" ? 64 : 40, shallow);
  }
  return shallow;
}

/// Counts the objects that `git rev-list --missing=print` names as `?OBJECT`.
std::uint64_t count_missing(Git& walk) {
  PartReader reader(walk, '\n');
  std::uint64_t count = 0;
  for (std::string line; reader.next(line);) {
    count += line.starts_with('?') ? 1 : 0;
  }
  return count;
}

/// Reports what git could not read. Returns whether git succeeded. Error: that of git, if nothing
/// was searched.
core::Result<bool> check_end(Git& git, const ObjectCensus& census, LeakSink& sink) {
  if (const auto succeeded = git.succeed(); !succeeded && census.searched == 0) {
    return tl::unexpected(succeeded.error());
  }
  const bool has_failed = git.finish() != 0;
  const std::string complaint = git.complaint();
  if (has_failed || !complaint.empty()) {
    const bool is_ambiguous = complaint.ends_with("is ambiguous.");
    sink.warn("the repository was not searched completely: git: " + complaint +
              (is_ambiguous ? " Name it in full, such as refs/heads/main" : ""));
  }
  return !has_failed;
}

void report(const ObjectCensus& census, LeakSink& sink) {
  if (census.missing > 0) {
    sink.warn("the repository does not have " + std::to_string(census.missing) +
              " of its objects, which were not searched: if it is a partial clone, scan a full "
              "clone");
  }
  if (census.cut > 0) {
    sink.warn(
        "the repository is a shallow clone, whose older commits were not searched: run "
        "git fetch --unshallow");
  }
}

struct ObjectsSearched {
  ObjectCensus census;
  bool is_whole = false;  ///< whether git succeeded
};

/// Searches the objects whose ids `list` prints. Error: that of git, if nothing was searched.
core::Result<ObjectsSearched> scan_objects(Git& list, LeakSink& sink) {
  const auto shallow = read_shallow();
  if (!shallow) {
    return tl::unexpected(shallow.error());
  }
  ObjectSearch search(shallow->commits, sink);
  ObjectCensus census = search.run(list);
  census.cut += shallow->is_clear ? 0U : 1U;
  auto ended = check_end(search.worst(), census, sink);
  if (ended && *ended) {
    ended = check_end(list, census, sink);
  }
  return ended.map([&](bool is_whole) { return ObjectsSearched{census, is_whole}; });
}

/// Searches all objects of the repository, reachable or not. At the same time, a second git checks
/// whether all reachable objects exist.
core::Result<void> scan_all_objects(LeakSink& sink) {
  Git walk(rev_list({"--objects", "--quiet", "--missing=print"}, {}));
  // In the order of the packs, in which objects are read fastest.
  Git list({"cat-file", "--batch-all-objects", "--batch-check=%(objectname)", "--buffer",
            "--unordered"});
  auto searched = scan_objects(list, sink);
  if (!searched) {
    return tl::unexpected(searched.error());
  }
  if (searched->is_whole) {
    searched->census.missing += count_missing(walk);
    if (const auto ended = check_end(walk, searched->census, sink); !ended) {
      return tl::unexpected(ended.error());
    }
  }
  scan_references(sink);
  report(searched->census, sink);
  return {};
}

core::Result<void> scan_reachable_objects(const std::vector<std::string>& revisions,
                                          LeakSink& sink) {
  // Objects that are ?OBJECT in the list are counted as missing.
  Git list(rev_list({"--objects", "--no-object-names", "--missing=print"}, revisions));
  return scan_objects(list, sink).map([&](const ObjectsSearched& searched) {
    report(searched.census, sink);
  });
}

/// The files of the index that differ from HEAD, regardless of the configuration of `git diff`.
core::Result<std::vector<GitChange>> staged_changes() {
  Git git({"diff", "--cached", "--raw", "-z", "--no-abbrev", "--no-color", "--no-renames",
           "--no-relative", "--no-ext-diff", "--no-textconv", "--ignore-submodules=all",
           "--diff-filter=d", "-O/dev/null"});
  PartReader reader(git);
  std::vector<GitChange> changes;
  GitChange change;
  for (std::string part; reader.next(part);) {
    if (read_change(reader, part, change)) {
      changes.push_back(change);
    }
  }
  if (git.finish() != 0 && !git.has_hung()) {
    // Outside of a repository, git diff compares files and does not support --cached.
    if (const auto asked = ask_repository({"--git-dir"}); !asked) {
      return tl::unexpected(asked.error());
    }
  }
  return git.succeed().map([&] { return std::move(changes); });
}

/// A file in memory with the ids of the objects, one per line.
core::Result<system::Descriptor> list_objects(std::span<const GitChange> files) {
  std::string ids;
  for (const GitChange& file : files) {
    ids += file.object + "\n";
  }
  system::Descriptor list(::memfd_create("objects", MFD_CLOEXEC));
  if (!system::write_all(list.value(), ids) || ::lseek(list.value(), 0, SEEK_SET) != 0) {
    return core::fail(core::ErrorCode::failed, "no memory for a list of objects");
  }
  return list;
}

/// Searches the target of a symbolic link, which is the content of the object.
void scan_link(GitObjectReader& reader, const DocumentPlace& place, LeakSink& sink) {
  std::string target(PATH_MAX, '\0');
  target.resize(reader.read(target.data(), target.size()).value_or(0));
  find_in_name(target, LeakPart::link, place, [&](FoundLeak found) { sink.add(std::move(found)); });
}

/// Searches files until git ends, as it does at an object that it cannot read. Returns how many
/// were searched or reported: all of them unless git failed.
core::Result<std::size_t> scan_some(std::span<const GitChange> files, LeakSink& sink) {
  auto list = list_objects(files);
  if (!list) {
    return tl::unexpected(list.error());
  }
  Git git({"cat-file", "--batch", "--buffer"}, *std::move(list));
  GitObjectReader reader(git);
  DocumentScanner scanner(sink);
  std::size_t count = 0;
  for (const GitChange& file : files) {
    ++count;
    const DocumentPlace place{.path = file.path};
    const auto object = reader.next();
    if (object && object->type != "blob") {
      sink.warn(place, kMissing);
      continue;
    }
    if (object && file.is_link()) {
      scan_link(reader, place, sink);
    } else if (object) {
      scanner.scan(reader, place);
    }
    if (!object || !reader.skip()) {
      git.finish();
      sink.warn(place, git.complaint().empty() ? kMissing : "git: " + git.complaint());
      break;
    }
  }
  return count;
}

}  // namespace

core::Result<void> scan_history(const std::vector<std::string>& revisions, LeakSink& sink) {
  return revisions.empty() ? scan_all_objects(sink) : scan_reachable_objects(revisions, sink);
}

core::Result<void> scan_staged(LeakSink& sink) {
  auto changes = staged_changes();
  if (!changes) {
    return tl::unexpected(changes.error());
  }
  std::vector<GitChange> files;
  for (GitChange& change : *changes) {
    find_in_path({.path = change.path}, sink);
    if (change.status == "U") {
      sink.warn({.path = change.path}, "it has a merge conflict");
    } else if (change.is_file() || change.is_link()) {
      files.push_back(std::move(change));
    }
  }
  for (std::span<const GitChange> rest = files; !rest.empty();) {
    const auto count = scan_some(rest, sink);
    if (!count) {
      return tl::unexpected(count.error());
    }
    rest = rest.subspan(*count);
  }
  return {};
}

}  // namespace nexakey::scan
