#include "cli/batch.h"

#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>
#include <vector>

#include <openssl/crypto.h>
#include <unistd.h>

#include "cli/input.h"
#include "core/json.h"
#include "system/descriptor.h"

namespace nexakey::cli {
namespace {

constexpr std::size_t kMaxRequests = 64;  // per call of the store

/// Reads standard input in lines. A line that is too long is truncated; it is invalid in any case.
class LineReader {
 public:
  LineReader() : buffer_(2 * core::kMaxRequestSize, '\0') {}
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;
  ~LineReader() { OPENSSL_cleanse(buffer_.data(), buffer_.size()); }

  /// Waits for more input; false at its end.
  bool read_more() {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
    const ssize_t count =
        system::read_some(STDIN_FILENO, buffer_.data() + end_, buffer_.size() - end_);
    if (count < 0) {
      throw Failure{{core::ErrorCode::failed,
                     "standard input cannot be read: " + std::system_category().message(errno),
                     ""}};
    }
    end_ += static_cast<std::size_t>(count);
    at_end_ = count == 0;
    return !at_end_;
  }

  /// The next complete line, without its newline; null if more input is needed.
  const std::string_view* next() {
    while (begin_ < end_) {
      const char* const start = buffer_.data() + begin_;
      const auto* const newline = static_cast<const char*>(std::memchr(start, '\n', end_ - begin_));
      const std::size_t length =
          newline == nullptr ? end_ - begin_ : static_cast<std::size_t>(newline - start);
      const bool is_cut = newline == nullptr && length > core::kMaxRequestSize;
      if (newline == nullptr && !is_cut && !at_end_) {
        return nullptr;
      }
      begin_ += length + (newline == nullptr ? 0 : 1);
      // The rest of a line that was too long and has been answered is not another line.
      const bool is_rest = std::exchange(in_long_line_, is_cut);
      if (!is_rest) {
        line_ = {start, length};
        return &line_;
      }
    }
    return nullptr;
  }

 private:
  std::string buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  bool at_end_ = false;
  bool in_long_line_ = false;
  std::string_view line_;
};

/// Collects the requests of some lines, and answers them together.
class Batch {
 public:
  Batch(Context& context, store::KeyStore& store, const store::VerifyOptions& options)
      : context_(context), store_(store), options_(options) {}

  void add(std::string_view line) {
    auto request = core::parse_request(line);
    if (!request) {
      errors_.emplace_back(requests_.size(), std::move(request.error()));
    } else {
      if (!request->workspace) {
        request->workspace = context_.settings.workspace;
      }
      requests_.push_back(*std::move(request));
    }
    if (requests_.size() + errors_.size() >= kMaxRequests) {
      answer();
    }
  }

  void answer() {
    if (requests_.empty() && errors_.empty()) {
      return;
    }
    const auto verifications = value_of(store_.verify(requests_, options_));
    auto error = errors_.begin();
    for (std::size_t i = 0; i <= verifications.size(); ++i) {
      for (; error != errors_.end() && error->first == i; ++error) {
        write([&](core::JsonWriter& json) { core::write_error(json, error->second); });
      }
      if (i < verifications.size()) {
        write([&](core::JsonWriter& json) {
          core::write_decision(json, verifications[i].decision, verifications[i].checks);
        });
      }
    }
    requests_.clear();
    errors_.clear();
  }

 private:
  template <typename Write>
  void write(const Write& write_document) {
    core::JsonWriter json(context_.out.buffer());
    write_document(json);
    context_.out.write("\n");
  }

  Context& context_;
  store::KeyStore& store_;
  store::VerifyOptions options_;
  std::vector<core::Request> requests_;
  /// The errors of invalid lines, each with the index of the request after it.
  std::vector<std::pair<std::size_t, core::Error>> errors_;
};

}  // namespace

ExitStatus verify_batch(Context& context, store::KeyStore& store,
                        const store::VerifyOptions& options) {
  note_waiting(context, "requests, one JSON object a line");
  LineReader lines;
  Batch batch(context, store, options);
  for (bool more = true; more;) {
    more = lines.read_more();
    while (const std::string_view* const line = lines.next()) {
      batch.add(*line);
    }
    batch.answer();
    context.out.flush();
  }
  return ExitStatus::done;
}

}  // namespace nexakey::cli
