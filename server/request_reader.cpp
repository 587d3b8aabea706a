#include "server/request_reader.h"

#include <utility>

#include <boost/asio/buffer.hpp>

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

ReadRequest RequestReader::take() {
  auto message = parser_->release();
  parser_.reset();
  ReadRequest read{.request = {}, .keep_alive = message.keep_alive()};
  read.request.method = message.method_string();
  read.request.target = message.target();
  for (const auto& field : message) {
    read.request.headers.emplace_back(field.name_string(), field.value());
  }
  read.request.body = std::move(message.body());
  return read;
}

}  // namespace nexakey::server
