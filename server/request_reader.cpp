#include "server/request_reader.h"

#include <string_view>
#include <utility>

#include <boost/asio/buffer.hpp>

#include "core/text.h"

namespace nexakey::server {

namespace http = boost::beast::http;

namespace {

/// The maximum size of a chunk's size line with its extensions, and of all trailers. Extensions and
/// trailers are ignored.
constexpr std::size_t kMaxChunkHead = std::size_t{16} << 10U;

int status_of(const boost::system::error_code& error) {
  return error == http::error::header_limit ? 431 : error == http::error::body_limit ? 413 : 400;
}

}  // namespace

/// Creates the parser when the request line is complete. Returns 0, or the status of the refusal.
int RequestReader::begin(std::string& bytes) {
  remove_empty_lines(bytes);
  if (bytes.empty() || bytes == "\r") {
    return 0;
  }
  if (!core::is_alphanumeric(bytes.front())) {
    return 400;  // not a method; a TLS handshake begins so
  }
  if (bytes.find("\r\n") == std::string::npos) {
    return bytes.size() > max_head_ ? 431 : 0;
  }
  const int status = check_version(bytes);
  parser_.emplace();
  parser_->header_limit(static_cast<std::uint32_t>(max_head_));
  parser_->body_limit(boost::none);
  return status;
}

tl::expected<std::optional<ReadHead>, int> RequestReader::read_head(std::string& bytes) {
  if (!parser_) {
    const int status = begin(bytes);
    if (status != 0) {
      return tl::unexpected(status);
    }
    if (!parser_) {
      return std::nullopt;
    }
  }
  boost::system::error_code error;
  const std::size_t count = parser_->put(boost::asio::buffer(bytes), error);
  // The parser consumes complete fields even if the head is incomplete.
  const bool is_folded = has_folded_line(std::string_view(bytes).substr(0, count));
  bytes.erase(0, count);
  if (is_folded) {
    return tl::unexpected(400);
  }
  if (error == http::error::need_more) {
    return std::nullopt;
  }
  if (error) {
    return tl::unexpected(status_of(error));
  }
  return interpret_head(parser_->get());
}

void RequestReader::begin_body(std::uint64_t max, BodyUse use) {
  use_ = use;
  parser_->eager(true);
  parser_->body_limit(max);
}

tl::expected<bool, int> RequestReader::read_body(std::string& bytes) {
  while (!bytes.empty() && !parser_->is_done()) {
    boost::system::error_code error;
    bytes.erase(0, parser_->put(boost::asio::buffer(bytes), error));
    if (use_ == BodyUse::discard) {
      parser_->get().body().clear();
    }
    if (error == http::error::need_more) {
      if (bytes.size() > kMaxChunkHead) {
        return tl::unexpected(400);
      }
      break;
    }
    if (error) {
      return tl::unexpected(status_of(error));
    }
  }
  return parser_->is_done();
}

std::string RequestReader::take_body() {
  std::string body = std::move(parser_->get().body());
  parser_.reset();
  return body;
}

std::size_t RequestReader::held() const { return parser_ ? parser_->get().body().capacity() : 0; }

}  // namespace nexakey::server
