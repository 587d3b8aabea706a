#include "store/postgres/parameters.h"

#include "store/postgres/text_form.h"

namespace nexakey::store::postgres {

namespace {

/// An array in PostgreSQL's text format, `{…}`, of what `append` writes for each item.
template <typename Items, typename Append>
std::string array_of(const Items& items, const Append& append) {
  std::string text = "{";
  for (const auto& item : items) {
    text += text.size() == 1 ? "" : ",";
    append(text, item);
  }
  return text + "}";
}

}  // namespace

Parameters& Parameters::add(std::string text) {
  values_.emplace_back(std::move(text));
  return *this;
}

Parameters& Parameters::add(std::int64_t number) { return add(std::to_string(number)); }

Parameters& Parameters::add_flag(bool value) { return add(std::string(value ? "t" : "f")); }

Parameters& Parameters::add(const sql::Bytes& value) {
  return add(hex_form(std::as_bytes(std::span(value.bytes))));
}

Parameters& Parameters::add(const core::CredentialHash& hash) {
  return add(hex_form(std::as_bytes(std::span(hash))));
}

Parameters& Parameters::add_array(std::span<const std::int64_t> numbers) {
  return add(
      array_of(numbers, [](std::string& text, std::int64_t n) { text += std::to_string(n); }));
}

Parameters& Parameters::add_plain_array(std::span<const std::string_view> texts) {
  return add(array_of(texts, [](std::string& text, std::string_view item) { text += item; }));
}

Parameters& Parameters::add_array(std::span<const std::string> texts) {
  return add(array_of(
      texts, [](std::string& text, const std::string& item) { text += quoted_element(item); }));
}

Parameters& Parameters::add_array(std::span<const core::CredentialHash> hashes) {
  return add(array_of(hashes, [](std::string& text, const core::CredentialHash& hash) {
    text += quoted_element(hex_form(std::as_bytes(std::span(hash))));
  }));
}

std::vector<const char*> Parameters::values() const {
  std::vector<const char*> values;
  std::ranges::transform(values_, std::back_inserter(values),
                         [](const auto& value) { return value.c_str(); });
  return values;
}

}  // namespace nexakey::store::postgres
