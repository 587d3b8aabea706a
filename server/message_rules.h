#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <boost/beast/http/fields.hpp>
#include <boost/beast/http/message.hpp>
#include <tl/expected.hpp>

#include "server/http.h"

/// The rules of RFC 9112 for a server that the parser of Boost.Beast leaves to its user. A status
/// is that of the response to a message that breaks one.
namespace nexakey::server {

/// The head of a request, and what it says about the rest of the message (RFC 9112, 6 and 9).
struct ReadHead {
  RequestHead head;
  std::optional<std::uint64_t> body_size{};  ///< empty: chunked, so that nobody knows yet
  Persistence persistence = Persistence::keep_alive;
  bool expects_continue = false;  ///< the body is sent only after 100 (RFC 9110, 10.1.1)
};

/// Removes empty lines before a request line (2.2).
void remove_empty_lines(std::string& bytes);

/// Lets the request line at the beginning of `bytes` pass as one of version 1.1 if its minor
/// version is a later one (RFC 9110, 2.5). 0, or 505 for another major version.
int check_version(std::string& bytes);

/// Whether a header continues on another line (5.2, obs-fold). The parser joins such lines.
bool has_folded_line(std::string_view head);

/// Checks Host (3.2), Transfer-Encoding and Content-Length (6.1 to 6.3), makes an absolute target
/// one of origin-form (3.2.2), and reads the Connection options (9.3).
tl::expected<ReadHead, int> interpret_head(
    const boost::beast::http::request_header<boost::beast::http::fields>& message);

}  // namespace nexakey::server
