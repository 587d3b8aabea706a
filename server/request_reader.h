#pragma once

#include <optional>
#include <string>

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <tl/expected.hpp>

#include "server/http.h"
#include "server/limits.h"

namespace nexakey::server {

/// A request, and whether another one may follow on its connection.
struct ReadRequest {
  RequestHead head;
  std::string body;
  bool keep_alive = true;
};

/// Reads the requests of a connection (HTTP/1.1, RFC 9112) from what comes, in whatever pieces.
/// Limits have to outlive it.
class RequestReader {
 public:
  explicit RequestReader(const Limits& limits) : limits_(limits) {}

  /// Takes what belongs to the next request off the beginning of `bytes`. The request if it is
  /// whole; nothing if more is needed; else, for what is no request, the status that says so, and
  /// the connection can't be read on.
  tl::expected<std::optional<ReadRequest>, int> read(std::string& bytes);

  /// Whether the head of a request has come whose body is sent only once the client has been told
  /// to go on (RFC 9110, 10.1.1). True once for each request.
  bool expects_continue();

  /// Whether a part of a request has come.
  [[nodiscard]] bool has_begun() const { return parser_.has_value(); }

 private:
  ReadRequest take();

  const Limits& limits_;
  std::optional<boost::beast::http::request_parser<boost::beast::http::string_body>> parser_;
  bool told_to_continue_ = false;
};

}  // namespace nexakey::server
