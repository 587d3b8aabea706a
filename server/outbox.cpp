#include "server/outbox.h"

#include <utility>

namespace nexakey::server {
namespace {

constexpr std::size_t kFilePiece = std::size_t{64} << 10U;

}  // namespace

void Outbox::add(HttpResponse response, std::string_view date, Persistence persistence,
                 bool has_body) {
  append_head(text(), response, date, persistence);
  if (!has_body || response.body_size() == 0) {
    return;
  }
  if (response.file) {
    pieces_.emplace_back(File{.file = std::move(response.file)});
  } else if (!response.static_body.empty()) {
    pieces_.emplace_back(response.static_body);
  } else {
    text() += response.body;
  }
}

void Outbox::add_continue() { text() += "HTTP/1.1 100 Continue\r\n\r\n"; }

/// The text at the end of the queue, so that short responses are sent together.
std::string& Outbox::text() {
  if (pieces_.empty() || !std::holds_alternative<std::string>(pieces_.back())) {
    pieces_.emplace_back(std::string());
  }
  return std::get<std::string>(pieces_.back());
}

std::string_view Outbox::front() {
  auto& first = pieces_.front();
  if (const auto* const owned = std::get_if<std::string>(&first)) {
    return std::string_view(*owned).substr(sent_);
  }
  if (const auto* const shared = std::get_if<std::string_view>(&first)) {
    return shared->substr(sent_);
  }
  auto& [file, offset] = std::get<File>(first);
  if (sent_ == piece_of_file_.size()) {
    piece_of_file_ = file->read(offset, kFilePiece);
    offset += piece_of_file_.size();
    sent_ = 0;
  }
  return std::string_view(piece_of_file_).substr(sent_);
}

void Outbox::remove(std::size_t count) {
  sent_ += count;
  const auto& first = pieces_.front();
  if (const auto* const owned = std::get_if<std::string>(&first)) {
    if (sent_ == owned->size()) {
      pop();
    }
  } else if (const auto* const shared = std::get_if<std::string_view>(&first)) {
    if (sent_ == shared->size()) {
      pop();
    }
  } else if (const File& file = std::get<File>(first);
             file.offset == file.file->size() && sent_ == piece_of_file_.size()) {
    pop();
  }
}

void Outbox::pop() {
  pieces_.pop_front();
  piece_of_file_.clear();
  piece_of_file_.shrink_to_fit();
  sent_ = 0;
}

std::size_t Outbox::held() const {
  std::size_t sum = piece_of_file_.capacity();
  for (const auto& piece : pieces_) {
    if (const auto* const owned = std::get_if<std::string>(&piece)) {
      sum += owned->capacity();
    }
  }
  return sum;
}

}  // namespace nexakey::server
