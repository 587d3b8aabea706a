#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "scan/leak_search.h"

namespace nexakey::scan {

/// The location of a document. Members that do not apply are empty.
struct DocumentPlace {
  std::string path{};    ///< "-" is standard input
  std::string object{};  ///< the id of the git object
  std::string commit{};  ///< the commit that added it
  std::string member{};  ///< the name in the archive; of nested archives, joined by !

  /// The place for messages: [COMMIT:]PATH[!MEMBER], without control characters and keys.
  [[nodiscard]] std::string text() const;
};

/// Where in a document a leak is.
enum class LeakPart {
  content,
  name,  ///< of a file, a folder, a member of an archive, or a git reference
  link,  ///< the target of a symbolic link
};

std::string_view name_of(LeakPart part);

struct FoundLeak {
  DocumentPlace document;
  TextPosition position;  ///< in the content
  Leak leak;
  LeakPart part = LeakPart::content;
};

/// Receives a message for the user: a complete sentence without control characters or keys.
using Note = std::function<void(std::string_view message)>;

/// How much was searched so far, by all threads.
struct Searched {
  std::atomic<std::uint64_t> documents{0};  ///< files or objects, begun
  std::atomic<std::uint64_t> bytes{0};      ///< as they are, archives packed
};

/// Counts what one thread searches. Bytes are added to the total a few at a time: threads that
/// count together wait for each other.
class SearchedShare {
 public:
  explicit SearchedShare(Searched& total) : total_(&total) {}
  SearchedShare(const SearchedShare&) = delete;
  SearchedShare& operator=(const SearchedShare&) = delete;
  ~SearchedShare() { pass_on(); }

  void begin_document() {
    ++total_->documents;
    pass_on();
  }
  void add_bytes(std::uint64_t count) {
    constexpr std::uint64_t kMaxKept = 1U << 16U;
    bytes_ += count;
    if (bytes_ >= kMaxKept) {
      pass_on();
    }
  }

 private:
  void pass_on() { total_->bytes += std::exchange(bytes_, 0); }

  Searched* total_;
  std::uint64_t bytes_ = 0;
};

/// Collects the leaks that several threads find.
class LeakSink {
 public:
  /// `note` receives what could not be searched, from one thread at a time.
  explicit LeakSink(Note note) : note_(std::move(note)) {}

  /// The maximum number of leaks that are kept: a file full of keys must not exhaust the memory.
  static constexpr std::size_t kMaxLeaks = 1'000'000;

  void add(FoundLeak found);
  /// Adds a leak in a name or a link, unless it was added before: a folder has its name in the path
  /// of each file.
  void add_name(FoundLeak found);
  /// Reports that a document, or a part of it, could not be searched, and why.
  void warn(const DocumentPlace& place, std::string_view reason);
  /// Reports something else that was not searched, in a complete sentence.
  void warn(std::string_view sentence);

  /// How much was searched, for the threads that search and for those that tell.
  Searched& searched() { return searched_; }
  /// The leaks; to be called when all threads are done.
  std::vector<FoundLeak> take() { return std::move(found_); }
  /// Whether everything was searched.
  [[nodiscard]] bool is_complete() const { return is_complete_; }

 private:
  Note note_;
  std::mutex mutex_;
  std::vector<FoundLeak> found_;
  std::set<std::pair<std::string, core::KeyHash>> names_;
  bool is_complete_ = true;
  Searched searched_;
};

}  // namespace nexakey::scan
