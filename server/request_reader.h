#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <tl/expected.hpp>

#include "server/http.h"
#include "server/message_rules.h"

namespace nexakey::server {

/// Whether a body is kept or read without being stored.
enum class BodyUse { keep, discard };

/// Parses the requests of a connection (RFC 9112) from bytes that arrive in any pieces: a head, its
/// body, the next head… An error is the status of the response to an invalid request (400, 413,
/// 431, 501 or 505); nothing can be read after it.
class RequestReader {
 public:
  /// `max_head`: the maximum size of the request line and all headers, in bytes.
  explicit RequestReader(std::size_t max_head) : max_head_(max_head) {}

  /// Removes the next head from the beginning of `bytes` and returns it; nothing if it is
  /// incomplete.
  tl::expected<std::optional<ReadHead>, int> read_head(std::string& bytes);

  /// Prepares to read the body of that head: at most `max` bytes, else 413.
  void begin_body(std::uint64_t max, BodyUse use);
  /// Removes a part of the body from the beginning of `bytes`. Returns whether the body is
  /// complete.
  tl::expected<bool, int> read_body(std::string& bytes);
  /// Returns the complete body. The next head can be read then.
  std::string take_body();

  /// Whether a request has been read in part.
  [[nodiscard]] bool has_begun() const { return parser_.has_value(); }
  /// The memory of the body that is being read, in bytes.
  [[nodiscard]] std::size_t held() const;

 private:
  int begin(std::string& bytes);

  std::size_t max_head_;
  std::optional<boost::beast::http::request_parser<boost::beast::http::string_body>> parser_;
  BodyUse use_ = BodyUse::keep;
};

}  // namespace nexakey::server
