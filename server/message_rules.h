#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <boost/beast/http/fields.hpp>
#include <boost/beast/http/message.hpp>
#include <tl/expected.hpp>

#include "server/http.h"

/// The rules of RFC 9112 that Boost.Beast's parser leaves to the server. Section numbers are those
/// of RFC 9112. A returned status is that of the response to a message that breaks a rule.
namespace nexakey::server {

/// The head of a request, and what it says about the rest of the message (RFC 9112, 6 and 9).
struct ReadHead {
  RequestHead head;
  std::optional<std::uint64_t> body_size{};  ///< empty: chunked, so it is not known yet
  Persistence persistence = Persistence::keep_alive;
  bool expects_continue = false;  ///< the body is sent only after 100 (RFC 9110, 10.1.1)
};

/// Removes empty lines before a request line (2.2).
void remove_empty_lines(std::string& bytes);

/// Changes the version in the request line at the beginning of `bytes` to 1.1 if its minor version
/// is higher (RFC 9110, 2.5). Returns 0, or 505 for another major version.
int check_version(std::string& bytes);

/// Whether a header continues on another line (5.2, obs-fold). The parser joins such lines.
bool has_folded_line(std::string_view head);

/// Checks Host (3.2), Transfer-Encoding and Content-Length (6.1 to 6.3), converts an absolute
/// target to origin-form (3.2.2), and reads the Connection options (9.3).
tl::expected<ReadHead, int> interpret_head(
    const boost::beast::http::request_header<boost::beast::http::fields>& message);

}  // namespace nexakey::server
