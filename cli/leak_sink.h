#pragma once

#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "core/leak_finder.h"

namespace nexakey::cli {

/// Where a document comes from; what it does not have is empty.
struct DocumentPlace {
  std::string path{};    ///< "-" is standard input
  std::string object{};  ///< the id of the object of git that it is
  std::string commit{};  ///< that brought it
  std::string member{};  ///< in the archive, or in archives in one another with ! between them

  /// As people write it: [COMMIT:]PATH[!MEMBER]. Neither control characters nor a key is in it.
  [[nodiscard]] std::string text() const;
};

struct FoundLeak {
  DocumentPlace document;
  core::TextPosition position;
  core::Leak leak;
};

/// Collects what is found, from several threads.
class LeakSink {
 public:
  /// More are not kept, so that a file of nothing but keys does not use up the memory.
  static constexpr std::size_t kMaxLeaks = 1'000'000;

  void add(FoundLeak found);
  /// Reports that a document, or a part of it, could not be searched, and why.
  void warn(const DocumentPlace& place, std::string_view reason);
  /// Reports something else that was not searched, in a whole sentence.
  void warn(std::string_view sentence);

  /// What was found, when all threads are done.
  std::vector<FoundLeak> take() { return std::move(found_); }
  /// Whether everything was searched.
  [[nodiscard]] bool is_complete() const { return is_complete_; }

 private:
  std::mutex mutex_;
  std::vector<FoundLeak> found_;
  bool is_complete_ = true;
};

}  // namespace nexakey::cli
