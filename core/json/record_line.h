#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "core/json.h"

namespace nexakey::core {

/// Reads a line of an export whose members are in the order in which ExportWriter writes them,
/// without spaces, and with texts without escapes. No document is made of it, so that it takes a
/// fraction of the time of `parse_json`. All lines but those with unusual characters are such.
class RecordLine {
 public:
  /// `text` is referred to.
  explicit RecordLine(std::string_view text);

  /// The member `type`, which is the first one; empty if it is not.
  [[nodiscard]] std::string_view type() const { return type_; }
  /// The value of the next member, until the next call; null if it has another name.
  const Json* find(std::string_view name);
  /// Whether all members were found. If not, the line may be valid all the same.
  [[nodiscard]] bool is_read() const { return is_valid_ && rest_ == "}"; }

 private:
  bool skip(std::string_view expected);
  bool read(Json& value, std::size_t max_depth);
  bool read_array(Json& value, std::size_t max_depth);
  bool read_object(Json& value, std::size_t max_depth);
  bool read_text(std::string& text);
  bool read_number(Json& value);
  template <typename Read>
  bool read_list(char bracket, const Read& read_thing);

  std::string_view rest_;
  std::string_view type_;
  bool is_valid_ = true;
  // Values that were found. Texts are put into the same string again and again.
  const Json null_;
  Json text_ = std::string();
  Json other_;
};

}  // namespace nexakey::core
