#include "scan/leak_sink.h"

#include "core/text.h"

namespace nexakey::scan {

std::string DocumentPlace::text() const {
  const std::string& origin = commit.empty() ? object : commit;
  std::string text = origin;
  if (!path.empty()) {
    text += (origin.empty() ? "" : ":") + path;
  }
  if (!member.empty()) {
    text += "!" + member;
  }
  return core::printable(core::mask_credentials(std::move(text)));
}

std::string_view name_of(LeakPart part) {
  switch (part) {
    case LeakPart::name:
      return "name";
    case LeakPart::link:
      return "link";
    case LeakPart::content:
      break;
  }
  return "content";
}

void LeakSink::add_name(FoundLeak found) {
  std::string place(name_of(found.part));
  for (const std::string* const part :
       {&found.document.path, &found.document.object, &found.document.member}) {
    place += '\0' + *part;
  }
  {
    const std::lock_guard lock(mutex_);
    if (names_.size() < kMaxLeaks && !names_.emplace(std::move(place), found.leak.hash).second) {
      return;
    }
  }
  add(std::move(found));
}

void LeakSink::add(FoundLeak found) {
  const std::lock_guard lock(mutex_);
  if (found_.size() < kMaxLeaks) {
    found_.push_back(std::move(found));
  } else if (is_complete_) {
    is_complete_ = false;
    note_("more than a million places were found: only the first million is reported");
  }
}

void LeakSink::warn(const DocumentPlace& place, std::string_view reason) {
  warn(place.text() + " was not searched completely: " + core::printable(reason));
}

void LeakSink::warn(std::string_view sentence) {
  const std::lock_guard lock(mutex_);
  is_complete_ = false;
  note_(sentence);
}

}  // namespace nexakey::scan
