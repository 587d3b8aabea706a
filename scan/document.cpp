#include "scan/document.h"

#include <algorithm>
#include <cstring>

namespace nexakey::scan {

bool Document::read() {
  if (at_end_) {
    return false;
  }
  search_->make_room(*visit_);
  const auto count = source_->read(search_->room(), search_->room_size());
  if (!count) {
    failure_ = count.error().message;
  }
  search_->add(count.value_or(0));
  at_end_ = count.value_or(0) == 0;
  return !at_end_;
}

core::Result<std::size_t> DocumentRest::read(char* buffer, std::size_t size) {
  if (place_ == document_->first() + document_->bytes().size() && !document_->read() &&
      !document_->failure().empty()) {
    return core::fail(core::ErrorCode::failed, document_->failure());
  }
  const std::string_view rest = document_->bytes().substr(place_ - document_->first());
  const std::size_t count = std::min(size, rest.size());
  std::memcpy(buffer, rest.data(), count);
  place_ += count;
  return count;
}

}  // namespace nexakey::scan
