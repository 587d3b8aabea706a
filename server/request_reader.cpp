#include "server/request_reader.h"

#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/string.hpp>

namespace nexakey::server {

namespace http = boost::beast::http;

tl::expected<std::optional<ReadRequest>, int> RequestReader::read(std::string& bytes) {
  while (!bytes.empty()) {
    if (!parser_) {
      parser_.emplace();
      parser_->eager(true);
      parser_->header_limit(static_cast<std::uint32_t>(limits_.header_bytes));
      parser_->body_limit(limits_.body_bytes);
    }
    boost::system::error_code error;
    bytes.erase(0, parser_->put(boost::asio::buffer(bytes), error));
    if (error == http::error::need_more) {
      break;
    }
    if (error) {
      return tl::unexpected(error == http::error::header_limit ? 431
                            : error == http::error::body_limit ? 413
                                                               : 400);
    }
    if (parser_->is_done()) {
      return take();
    }
  }
  return std::nullopt;
}

bool RequestReader::expects_continue() {
  if (!parser_ || !parser_->is_header_done() || told_to_continue_) {
    return false;
  }
  const auto& head = parser_->get();
  told_to_continue_ =
      head.version() >= 11 && boost::beast::iequals(head[http::field::expect], "100-continue");
  return told_to_continue_;
}

ReadRequest RequestReader::take() {
  auto message = parser_->release();
  parser_.reset();
  told_to_continue_ = false;
  ReadRequest read{.head = {}, .body = {}, .keep_alive = message.keep_alive()};
  read.head.method = message.method_string();
  read.head.target = message.target();
  for (const auto& field : message) {
    read.head.headers.emplace_back(field.name_string(), field.value());
  }
  read.body = std::move(message.body());
  return read;
}

}  // namespace nexakey::server
