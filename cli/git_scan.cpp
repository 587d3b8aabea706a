#include "cli/git_scan.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <map>
#include <optional>
#include <set>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cli/document_scanner.h"
#include "cli/exit_status.h"
#include "cli/git.h"
#include "core/text.h"

namespace nexakey::cli {
namespace {

constexpr std::size_t kPipeSize = 1U << 20U;

struct Object {
  std::string id;
  std::string type;
  std::uint64_t size = 0;
};

/// What `git cat-file --batch` prints: `ID TYPE SIZE`, the bytes and an end of line for each
/// object.
class ObjectReader final : public ByteSource {
 public:
  explicit ObjectReader(int descriptor) : descriptor_(descriptor), buffer_(kPipeSize) {
    static_cast<void>(::fcntl(descriptor, F_SETPIPE_SZ, kPipeSize));  // it also works without
  }

  /// Goes on to the next object; nothing: there is none, or the output is not what it has to be.
  std::optional<Object> next() {
    if (!skip_rest()) {
      return std::nullopt;
    }
    std::string line;
    for (char c = 0; take(&c, 1) == 1 && c != '\n';) {
      line += c;
    }
    const std::vector<std::string_view> words = core::split(line, ' ');
    if (words.size() < 2) {
      return std::nullopt;
    }
    Object object{std::string(words[0]), std::string(words[1])};
    if (words.size() > 2) {
      std::from_chars(words[2].data(), words[2].data() + words[2].size(), object.size);
      left_ = object.size;
      is_inside_ = true;
    }
    return object;
  }

  core::Result<std::size_t> read(char* buffer, std::size_t size) override {
    const std::size_t count =
        take(buffer, static_cast<std::size_t>(std::min<std::uint64_t>(size, left_)));
    if (count == 0 && size > 0 && left_ > 0) {
      return core::fail(core::ErrorCode::failed, "git gave only a part of it");
    }
    left_ -= count;
    return count;
  }

 private:
  /// Passes over what is left of an object and the end of the line behind it.
  bool skip_rest() {
    if (!is_inside_) {
      return true;
    }
    is_inside_ = false;
    for (++left_; left_ > 0;) {
      if (at_ == end_ && !refill()) {
        return false;
      }
      const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(left_, end_ - at_));
      at_ += count;
      left_ -= count;
    }
    return true;
  }
  std::size_t take(char* buffer, std::size_t size) {
    if (size == 0 || (at_ == end_ && !refill())) {
      return 0;
    }
    const std::size_t count = std::min(size, end_ - at_);
    std::memcpy(buffer, buffer_.data() + at_, count);
    at_ += count;
    return count;
  }
  bool refill() {
    const ssize_t count = read_some(descriptor_, buffer_.data(), buffer_.size());
    at_ = 0;
    end_ = static_cast<std::size_t>(std::max<ssize_t>(count, 0));
    return end_ > 0;
  }

  int descriptor_;
  std::vector<char> buffer_;
  std::size_t at_ = 0;
  std::size_t end_ = 0;
  std::uint64_t left_ = 0;
  bool is_inside_ = false;
};

DocumentPlace place_of(const Object& object) {
  DocumentPlace place{.object = object.id};
  if (object.type == "commit") {
    place.commit = object.id;
  }
  return place;
}

void scan_objects(Git& git, LeakSink& sink) {
  ObjectReader reader(git.output());
  DocumentScanner scanner(sink);
  while (const auto object = reader.next()) {
    if (object->type == "missing") {
      sink.warn(place_of(*object), "the repository does not have it");
    } else if (object->type != "tree") {
      scanner.scan(reader, place_of(*object));
    }
  }
  git.require_success();
}

/// `--` keeps git from taking a revision that does not exist for a path.
std::vector<std::string> rev_list(std::vector<std::string> words,
                                  const std::vector<std::string>& revisions) {
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

/// Something to be read as a file.
Descriptor memory_file(const std::string& text) {
  const int descriptor = ::memfd_create("objects", MFD_CLOEXEC);
  if (!write_all(descriptor, text) || ::lseek(descriptor, 0, SEEK_SET) != 0) {
    throw Failure{{core::ErrorCode::failed, "there is no memory for a list of objects", ""}};
  }
  return Descriptor(descriptor);
}

/// What `git diff --raw -z` and `git diff-tree -z` print of a change.
struct Change {
  std::string mode;
  std::string object;
  std::string path;
};

/// Reads `:MODE MODE OBJECT OBJECT STATUS`, NUL, PATH; what comes with it has no colon in front.
bool read_change(NulReader& reader, const std::string& part, Change& change) {
  const std::vector<std::string_view> words = core::split(part, ' ');
  if (words.size() < 5 || !reader.next(change.path)) {
    return false;
  }
  change.mode = words[1];
  change.object = words[3];
  return true;
}

bool is_file(const Change& change) { return change.mode.starts_with("10"); }

using Origins = std::map<std::string, std::map<std::string, std::string>>;

/// For each content, the paths and the commit that brought it under each.
Origins find_origins(const std::set<std::string>& contents,
                     const std::vector<std::string>& revisions) {
  Git commits(rev_list({"--reverse", "--topo-order"}, revisions), -1);
  Git changes({"diff-tree", "--stdin", "-r", "-m", "--root", "--no-renames", "-z"},
              commits.output());
  NulReader reader(changes.output());
  Origins origins;
  std::string commit;
  std::string part;
  Change change;
  while (reader.next(part)) {
    if (!part.starts_with(':')) {
      commit = part;
    } else if (read_change(reader, part, change) && contents.contains(change.object)) {
      origins[change.object].try_emplace(change.path, commit);
    }
  }
  changes.require_success();
  commits.require_success();
  return origins;
}

}  // namespace

void scan_history(const std::vector<std::string>& revisions, LeakSink& sink) {
  if (revisions.empty()) {
    Git objects({"cat-file", "--batch-all-objects", "--batch", "--buffer", "--unordered"}, -1);
    scan_objects(objects, sink);
    return;
  }
  Git list(rev_list({"--objects"}, revisions), -1);
  // The rest of a line is a path, which is no part of the name of the object.
  Git objects({"cat-file", "--batch=%(objectname) %(objecttype) %(objectsize) %(rest)", "--buffer"},
              list.output());
  scan_objects(objects, sink);
  list.require_success();
}

std::vector<FoundLeak> attribute(std::vector<FoundLeak> found,
                                 const std::vector<std::string>& revisions) {
  std::set<std::string> contents;
  for (const FoundLeak& leak : found) {
    if (leak.document.commit.empty()) {
      contents.insert(leak.document.object);
    }
  }
  if (contents.empty()) {
    return found;
  }
  const Origins origins = find_origins(contents, revisions);
  std::vector<FoundLeak> attributed;
  for (FoundLeak& leak : found) {
    const auto origin = origins.find(leak.document.object);
    if (origin == origins.end()) {
      attributed.push_back(std::move(leak));
      continue;
    }
    for (const auto& [path, commit] : origin->second) {
      FoundLeak& copy = attributed.emplace_back(leak);
      copy.document.path = path;
      copy.document.commit = commit;
    }
  }
  return attributed;
}

void scan_staged(LeakSink& sink) {
  Git changes({"diff", "--cached", "--raw", "-z", "--no-abbrev", "--no-renames", "--diff-filter=d",
               "--no-ext-diff"},
              -1);
  NulReader parts(changes.output());
  std::vector<Change> files;
  std::string ids;
  Change change;
  for (std::string part; parts.next(part);) {
    if (read_change(parts, part, change) && is_file(change)) {
      ids += change.object + "\n";
      files.push_back(change);
    }
  }
  changes.require_success();
  const Descriptor list = memory_file(ids);
  Git objects({"cat-file", "--batch", "--buffer"}, list.value());
  ObjectReader reader(objects.output());
  DocumentScanner scanner(sink);
  for (const Change& file : files) {
    const DocumentPlace place{.path = file.path};
    const auto object = reader.next();
    if (!object || object->type != "blob") {
      sink.warn(place, "the repository does not have it");
    } else {
      scanner.scan(reader, place);
    }
  }
  objects.require_success();
}

}  // namespace nexakey::cli
