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

/// What is done with a body.
enum class BodyUse { keep, discard };

/// Reads the requests of a connection (RFC 9112) from bytes that come in any pieces: the head of a
/// request, its body, the next head... An error is the status of the response to what is not a
/// request (400, 413, 431, 501 or 505); nothing can be read after it.
class RequestReader {
 public:
  /// `max_head`: bytes of a request line, and of all headers.
  explicit RequestReader(std::size_t max_head) : max_head_(max_head) {}

  /// Removes the next head from the beginning of `bytes`; nothing if it is not whole yet.
  tl::expected<std::optional<ReadHead>, int> read_head(std::string& bytes);

  /// Announces the body of that head: at most `max` bytes, else 413.
  void begin_body(std::uint64_t max, BodyUse use);
  /// Removes what belongs to the body from the beginning of `bytes`. True if it is whole.
  tl::expected<bool, int> read_body(std::string& bytes);
  /// The body that is whole; the next head may be read.
  std::string take_body();

  /// Whether a part of a request has come whose body is not whole.
  [[nodiscard]] bool has_begun() const { return parser_.has_value(); }
  /// The memory of the request that has begun, in bytes.
  [[nodiscard]] std::size_t held() const;

 private:
  int begin(std::string& bytes);

  std::size_t max_head_;
  std::optional<boost::beast::http::request_parser<boost::beast::http::string_body>> parser_;
  BodyUse use_ = BodyUse::keep;
};

}  // namespace nexakey::server
