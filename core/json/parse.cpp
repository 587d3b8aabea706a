#include <utility>

#include <nlohmann/json.hpp>

#include "core/json.h"
#include "core/text.h"

namespace nexakey::core {
namespace {

constexpr const char* kInvalid = "the text is not valid JSON";

/// Builds a document from the events of nlohmann/json's parser. Stops the parser at the first
/// repeated member and at the first value that is nested too deeply, so that memory is bounded.
class DocumentReader : public nlohmann::json_sax<Json> {
 public:
  explicit DocumentReader(std::size_t max_depth) : max_depth_(max_depth) {}

  [[nodiscard]] const std::string& error() const { return error_; }
  Json take() { return std::move(document_); }

  bool null() override { return add(nullptr); }
  bool boolean(bool value) override { return add(value); }
  bool number_integer(number_integer_t value) override { return add(value); }
  bool number_unsigned(number_unsigned_t value) override { return add(value); }
  bool number_float(number_float_t value, const string_t& /*digits*/) override {
    return add(value);
  }
  bool string(string_t& value) override { return add(std::move(value)); }
  bool binary(binary_t& /*value*/) override { return false; }

  bool start_object(std::size_t /*size*/) override { return open(Json::object()); }
  bool end_object() override { return close(); }
  bool start_array(std::size_t /*size*/) override { return open(Json::array()); }
  bool end_array() override { return close(); }

  bool key(string_t& name) override {
    auto [member, is_new] = parents_.back()->emplace(name, nullptr);
    member_ = &*member;
    return is_new || fail_with("the member " + quote(name) + " is given twice");
  }

  bool parse_error(std::size_t position, const std::string& /*last_token*/,
                   const nlohmann::detail::exception& /*error*/) override {
    // nlohmann/json's own message quotes the input, which may contain a secret.
    return fail_with(std::string(kInvalid) + " at character " + std::to_string(position));
  }

 private:
  bool fail_with(std::string message) {
    if (error_.empty()) {
      error_ = std::move(message);
    }
    return false;
  }

  /// Adds a value to its array or object, and returns a pointer to it.
  Json* place(Json value) {
    if (parents_.empty()) {
      document_ = std::move(value);
      return &document_;
    }
    if (parents_.back()->is_array()) {
      parents_.back()->push_back(std::move(value));
      return &parents_.back()->back();
    }
    *member_ = std::move(value);
    return member_;
  }

  bool add(Json value) {
    place(std::move(value));
    return true;
  }

  bool open(Json value) {
    if (parents_.size() == max_depth_) {
      return fail_with("the JSON text is nested too deeply");
    }
    parents_.push_back(place(std::move(value)));
    return true;
  }

  bool close() {
    parents_.pop_back();
    return true;
  }

  std::size_t max_depth_;
  Json document_;
  std::vector<Json*> parents_;  // the objects and arrays that are open
  Json* member_ = nullptr;      // of the innermost object, the one whose value comes next
  std::string error_;
};

}  // namespace

Result<Json> parse_json(std::string_view text, std::size_t max_depth) {
  if (text.size() > kMaxJsonSize) {
    return reject("the JSON text is longer than " + std::to_string(kMaxJsonSize) + " bytes");
  }
  // nlohmann/json takes a NUL for the end of the input and ignores what follows it.
  if (text.find('\0') != std::string_view::npos) {
    return reject(kInvalid);
  }
  DocumentReader reader(max_depth);
  if (!Json::sax_parse(text, &reader)) {
    return reject(reader.error());
  }
  return reader.take();
}

void write_json(JsonWriter& json, const Json& value) {
  if (value.is_object()) {
    json.begin_object();
    for (const auto& [name, member] : value.items()) {
      write_json(json.any_name(name), member);
    }
    json.end_object();
  } else if (value.is_array()) {
    json.begin_array();
    for (const Json& element : value) {
      write_json(json, element);
    }
    json.end_array();
  } else if (value.is_string()) {
    json.string(value.get_ref<const std::string&>());
  } else {
    json.raw(value.dump());
  }
}

const std::string* find_text(const Json& json, const char* name) {
  const auto found = json.is_object() ? json.find(name) : json.end();
  return found == json.end() || !found->is_string() ? nullptr
                                                    : &found->get_ref<const std::string&>();
}

}  // namespace nexakey::core
