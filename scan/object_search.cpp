#include "scan/object_search.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "scan/document_scanner.h"
#include "scan/git_names.h"
#include "scan/git_objects.h"
#include "scan/work_queue.h"
#include "system/spawn.h"

namespace nexakey::scan {
namespace {

/// More gits would need much memory: each caches objects that others are stored as a difference to.
constexpr unsigned kMaxGits = 4;
/// Lines of ids that a git gets at once. In a pack, objects that depend on one another are
/// together.
constexpr std::size_t kPieceSize = 28'000;

/// Gives ids to a git that prints their objects, so many that it has always work.
class Feed {
 public:
  Feed(system::Descriptor input, WorkQueue<std::string>& pieces)
      : input_(std::move(input)), pieces_(&pieces) {
    ::fcntl(input_.value(), F_SETFL, O_NONBLOCK);
  }

  /// Gives more ids to the git if it has few. Returns whether an object is awaited.
  bool give() {
    constexpr std::size_t kFew = 200;
    while (awaited_ < kFew && refill() && write()) {
    }
    return awaited_ > 0;
  }
  /// Notes that an object was read.
  void take() { --awaited_; }

 private:
  bool refill() {
    if (ids_.empty()) {
      for (const std::string& piece : pieces_->pop()) {
        ids_ += piece;
      }
    }
    if (ids_.empty()) {
      input_.reset(-1);
    }
    return input_.is_open();
  }

  /// Writes what the pipe takes. False if that is nothing while objects are awaited, or if the git
  /// has ended.
  bool write() {
    pollfd room{.fd = input_.value(), .events = POLLOUT, .revents = 0};
    if (::poll(&room, 1, awaited_ > 0 ? 0 : -1) <= 0) {
      return awaited_ == 0;
    }
    const ssize_t count = ::write(input_.value(), ids_.data(), ids_.size());
    if (count < 0) {
      const bool is_busy = errno == EAGAIN || errno == EINTR;
      if (!is_busy) {
        input_.reset(-1);
      }
      return is_busy && awaited_ == 0;
    }
    const auto end = ids_.begin() + count;
    awaited_ += static_cast<std::size_t>(std::count(ids_.begin(), end, '\n'));
    ids_.erase(ids_.begin(), end);
    return true;
  }

  system::Descriptor input_;
  WorkQueue<std::string>* pieces_;
  std::string ids_;
  std::size_t awaited_ = 0;
};

DocumentPlace place_of(const GitObject& object) {
  DocumentPlace place{.object = object.id};
  if (object.type == "commit") {
    place.commit = object.id;
  }
  return place;
}

/// Searches the objects that a git reads, until there are no more ids or the git ends.
ObjectCensus search_objects(Git& git, Feed& feed, const std::set<std::string>& cut,
                            LeakSink& sink) {
  GitObjectReader reader(git);
  DocumentScanner scanner(sink);
  ObjectCensus census;
  while (feed.give()) {
    const auto object = reader.next();
    if (!object) {
      break;
    }
    feed.take();
    if (object->type == "missing") {
      ++census.missing;
      continue;
    }
    ++census.searched;
    census.cut += cut.contains(object->id) ? 1 : 0;
    if (object->type == "tree") {
      scan_tree(reader, object->id.size() / 2, sink);
    } else {
      scanner.scan(reader, place_of(*object));
    }
  }
  return census;
}

/// Cuts what a git prints into pieces of whole lines, and queues them.
void queue_lines(Git& list, WorkQueue<std::string>& pieces) {
  std::string piece;
  for (std::size_t count = 1; count > 0;) {
    const std::size_t size = piece.size();
    piece.resize(size + kPieceSize);
    count = list.read(piece.data() + size, kPieceSize);
    piece.resize(size + count);
    const std::size_t end = piece.rfind('\n') + 1;
    if (end >= kPieceSize || (count == 0 && end > 0)) {
      pieces.push(piece.substr(0, end));
      piece.erase(0, end);
    }
  }
}

/// Closes the queue at the end, so that the threads end, even if one of them cannot be started.
struct Closing {
  WorkQueue<std::string>* pieces;
  ~Closing() { pieces->close(); }
};

}  // namespace

void ObjectCensus::add(const ObjectCensus& other) {
  searched += other.searched;
  missing += other.missing;
  cut += other.cut;
}

ObjectSearch::ObjectSearch(const std::set<std::string>& cut, LeakSink& sink)
    : cut_(&cut), sink_(&sink) {}

ObjectCensus ObjectSearch::run(Git& list) {
  const std::size_t count = std::clamp(std::thread::hardware_concurrency(), 1U, kMaxGits);
  WorkQueue<std::string> pieces(2 * count, count);
  std::vector<ObjectCensus> censuses(count);
  std::atomic<std::size_t> running = count;
  {
    std::vector<std::jthread> threads;
    const Closing closing{&pieces};
    for (ObjectCensus& census : censuses) {
      system::Pipe pipe = system::make_pipe();
      gits_.push_back(std::make_unique<Git>(std::vector<std::string>{"cat-file", "--batch"},
                                            std::move(pipe.from)));
      threads.emplace_back([&, &git = *gits_.back(), input = std::move(pipe.to)]() mutable {
        Feed feed(std::move(input), pieces);
        census = search_objects(git, feed, *cut_, *sink_);
        // If all gits have failed, nobody else takes the rest of the list.
        while (--running == 0 && !pieces.pop().empty()) {
          ++running;
        }
      });
    }
    queue_lines(list, pieces);
  }
  ObjectCensus all;
  for (const ObjectCensus& census : censuses) {
    all.add(census);
  }
  return all;
}

Git& ObjectSearch::worst() {
  for (const auto& git : gits_) {
    if (git->finish() != 0) {
      return *git;
    }
  }
  const auto complaining =
      std::ranges::find_if(gits_, [](const auto& git) { return !git->complaint().empty(); });
  return complaining == gits_.end() ? *gits_.front() : **complaining;
}

}  // namespace nexakey::scan
