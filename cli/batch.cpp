#include "cli/batch.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <span>
#include <string>
#include <system_error>
#include <vector>

#include <openssl/crypto.h>
#include <unistd.h>

#include "core/json.h"
#include "system/descriptor.h"

namespace nexakey::cli {
namespace {

/// How many requests the store is asked about at once.
constexpr std::size_t kMaxRequests = 64;

/// Standard input in lines. A line that is too long comes cut: it is no request in any case.
class LineReader {
 public:
  LineReader() : buffer_(2 * core::kMaxRequestSize, '\0') {}
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;
  ~LineReader() { OPENSSL_cleanse(buffer_.data(), buffer_.size()); }

  /// Waits for more input; false: there is none.
  bool read_more() {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
    const ssize_t count =
        system::read_some(STDIN_FILENO, buffer_.data() + end_, buffer_.size() - end_);
    if (count < 0) {
      throw Failure{{core::ErrorCode::failed,
                     "standard input can't be read: " + std::system_category().message(errno), ""}};
    }
    end_ += static_cast<std::size_t>(count);
    at_end_ = count == 0;
    return !at_end_;
  }

  /// The next line that is whole, without its end; null: there is none before more is read.
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
      // What follows of a line that was answered when it got too long is not another line.
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

/// A few lines, as far as they are requests, and what became of them.
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
  /// What is no request, and before which request it stood.
  std::vector<std::pair<std::size_t, core::Error>> errors_;
};

}  // namespace

ExitStatus verify_batch(Context& context, store::KeyStore& store,
                        const store::VerifyOptions& options) {
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
