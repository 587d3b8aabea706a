#include "core/json/record_line.h"

#include "core/json/plain_parts.h"
#include "core/text.h"

namespace nexakey::core {

RecordLine::RecordLine(std::string_view text) : rest_(text) {
  if (skip(R"({"type":")")) {
    type_ = rest_.substr(0, rest_.find('"'));
    rest_.remove_prefix(type_.size());
  }
  is_valid_ = skip("\"");
}

const Json* RecordLine::find(std::string_view name) {
  constexpr std::string_view kBefore = ",\"";
  constexpr std::string_view kBehind = "\":";
  const std::size_t end = kBefore.size() + name.size();
  const bool is_next = rest_.starts_with(kBefore) &&
                       rest_.substr(kBefore.size()).starts_with(name) &&
                       rest_.substr(end).starts_with(kBehind);
  if (!is_next || !is_valid_) {
    return nullptr;
  }
  rest_.remove_prefix(end + kBehind.size());
  if (skip("null")) {
    return &null_;
  }
  Json& value = rest_.starts_with('"') ? text_ : other_;
  is_valid_ = read(value, kMaxJsonDepth - 1);  // the record is a level, too
  return is_valid_ ? &value : nullptr;
}

bool RecordLine::skip(std::string_view expected) {
  if (!rest_.starts_with(expected)) {
    return false;
  }
  rest_.remove_prefix(expected.size());
  return true;
}

bool RecordLine::read(Json& value, std::size_t max_depth) {
  if (skip("\"")) {
    if (!value.is_string()) {
      value = std::string();
    }
    return read_text(value.get_ref<std::string&>());
  }
  if (skip("[")) {
    return max_depth > 0 && read_array(value, max_depth - 1);
  }
  if (skip("{")) {
    return max_depth > 0 && read_object(value, max_depth - 1);
  }
  for (const bool boolean : {true, false}) {
    if (skip(boolean ? "true" : "false")) {
      value = boolean;
      return true;
    }
  }
  if (skip("null")) {
    value = nullptr;
    return true;
  }
  return read_number(value);
}

template <typename Read>
bool RecordLine::read_list(char bracket, const Read& read_thing) {
  return read_plain_list(
      bracket,
      [this](char c) {
        return skip({&c, 1});
      },
      read_thing);
}

bool RecordLine::read_array(Json& value, std::size_t max_depth) {
  value = Json::array();
  return read_list(']', [&] { return read(value.emplace_back(), max_depth); });
}

bool RecordLine::read_object(Json& value, std::size_t max_depth) {
  value = Json::object();
  return read_list('}', [&] {
    std::string name;
    if (!skip("\"") || !read_text(name) || !skip(":")) {
      return false;
    }
    const auto [member, is_new] = value.emplace(std::move(name), nullptr);
    return is_new && read(*member, max_depth);
  });
}

bool RecordLine::read_text(std::string& text) {
  const std::size_t end = rest_.find('"');
  if (end == std::string_view::npos) {
    return false;
  }
  text = rest_.substr(0, end);
  rest_.remove_prefix(end + 1);
  return text.find('\\') == std::string::npos && is_printable(text);
}

bool RecordLine::read_number(Json& value) {
  const auto number = read_plain_number(rest_);
  if (number) {
    value = *number;
  }
  return number.has_value();
}

}  // namespace nexakey::core
