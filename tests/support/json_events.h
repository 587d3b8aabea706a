#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "core/json.h"

namespace nexakey::test {

/// Writes down what a parser of JSON tells, a line for each call, and stops it after so many.
class JsonEvents final : public nlohmann::json_sax<core::Json> {
 public:
  explicit JsonEvents(std::size_t max = SIZE_MAX) : left_(max) {}

  [[nodiscard]] const std::string& text() const { return text_; }

  bool null() override { return add("null"); }
  bool boolean(bool value) override { return add(value ? "true" : "false"); }
  bool number_integer(number_integer_t value) override {
    return add("integer " + std::to_string(value));
  }
  bool number_unsigned(number_unsigned_t value) override {
    return add("unsigned " + std::to_string(value));
  }
  bool number_float(number_float_t /*value*/, const string_t& digits) override {
    return add("float " + digits);
  }
  bool string(string_t& value) override { return add("string " + value); }
  bool binary(binary_t& /*value*/) override { return add("binary"); }
  bool start_object(std::size_t size) override { return add("object " + std::to_string(size)); }
  bool key(string_t& name) override { return add("key " + name); }
  bool end_object() override { return add("end of object"); }
  bool start_array(std::size_t size) override { return add("array " + std::to_string(size)); }
  bool end_array() override { return add("end of array"); }
  bool parse_error(std::size_t /*position*/, const std::string& /*last_token*/,
                   const nlohmann::detail::exception& /*error*/) override {
    add("error");
    return false;
  }

 private:
  bool add(std::string_view event) {
    if (left_ == 0) {
      return false;
    }
    --left_;
    text_.append(event).append("\n");
    return true;
  }

  std::size_t left_;
  std::string text_;
};

}  // namespace nexakey::test
