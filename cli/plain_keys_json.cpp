#include <algorithm>
#include <array>
#include <functional>
#include <iterator>
#include <optional>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>

#include "cli/plain_keys.h"
#include "core/secret.h"
#include "core/text.h"

namespace nexakey::cli {
namespace {

using core::Result;
constexpr std::string_view kSpace = " \t\r\n";

using Sax = nlohmann::json_sax<nlohmann::json>;

/// Where a parser is in a text. What the parser must not read ends the text for it.
class Position {
 public:
  /// The text begins after `ends` lines.
  Position(std::function<std::string_view()> read, std::uint64_t ends)
      : read_(std::move(read)), ends_(ends), line_(ends + 1) {
    refill();
  }

  [[nodiscard]] bool at_end() const { return rest_.empty(); }
  [[nodiscard]] const char& operator*() const { return rest_.front(); }
  void advance() {
    if (std::exchange(after_end_, rest_.front() == '\n')) {
      column_ = 0;
      ++line_;
    }
    ++column_;
    ++size_;
    ends_ += after_end_ ? 1 : 0;
    rest_.remove_prefix(1);
    if (++object_size_ > kMaxPlainKeySize) {
      rest_ = {};
    } else {
      refill();
    }
  }

  /// The line and the column, in bytes, of the last character that was read.
  [[nodiscard]] std::string text() const {
    return "line " + std::to_string(line_) + ", column " + std::to_string(column_);
  }
  /// The number of characters that were read.
  [[nodiscard]] std::size_t size() const { return size_; }
  /// The number of newlines so far.
  [[nodiscard]] const std::uint64_t& ends() const { return ends_; }
  /// To be called at the end of an object.
  void end_object() { object_size_ = 0; }
  /// Why the text ended before its end, if it did.
  [[nodiscard]] std::optional<core::Error> error() const {
    if (object_size_ > kMaxPlainKeySize) {
      return at_line(ends_ + 1, too_long("an object"));
    }
    return has_nul_ ? std::optional(core::Error{core::ErrorCode::usage,
                                                "invalid JSON: it contains a NUL", ""})
                    : std::nullopt;
  }

 private:
  void refill() {
    if (rest_.empty()) {
      rest_ = read_();
    }
    // nlohmann/json takes a NUL as the end of the input and ignores the rest.
    if (rest_.starts_with('\0')) {
      has_nul_ = true;
      rest_ = {};
    }
  }

  std::function<std::string_view()> read_;
  std::string_view rest_;
  std::uint64_t ends_;
  std::uint64_t line_;
  std::uint64_t column_ = 0;
  bool after_end_ = false;  // the last character was a newline
  std::size_t size_ = 0;
  std::size_t object_size_ = 0;
  bool has_nul_ = false;
};

/// Iterates over a text: all iterators of it have one position.
class TextIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  /// Without a position: the end.
  explicit TextIterator(Position* position = nullptr) : position_(position) {}
  reference operator*() const { return **position_; }
  TextIterator& operator++() {
    position_->advance();
    return *this;
  }
  friend bool operator==(const TextIterator& a, const TextIterator& b) {
    return a.at_end() == b.at_end();
  }

 private:
  [[nodiscard]] bool at_end() const { return position_ == nullptr || position_->at_end(); }

  Position* position_;
};

/// Receives the events of nlohmann/json's parser. No document is built, so that no copy of a key
/// remains in memory.
class KeyListReader : public Sax {
 public:
  KeyListReader(const VisitPlainKey& visit, Position& position)
      : visit_(visit), position_(position), ends_(position.ends()) {}

  [[nodiscard]] const core::Error& error() const { return error_; }

  bool null() override { return depth_ == 1 || mistyped(); }
  bool boolean(bool /*value*/) override { return mistyped(); }
  bool number_integer(number_integer_t value) override { return set_number(value); }
  bool number_unsigned(number_unsigned_t value) override {
    return set_number(static_cast<std::int64_t>(std::min<std::uint64_t>(value, INT64_MAX)));
  }
  bool number_float(number_float_t /*value*/, const string_t& /*digits*/) override {
    return mistyped();
  }
  bool binary(binary_t& /*value*/) override { return mistyped(); }

  bool string(string_t& value) override {
    if (member_ == "key") {
      const auto set = depth_ == 1 ? set_key(key_, value) : Result<void>(core::reject(""));
      core::wipe(value);
      return check(set);
    }
    return set_text(value) || mistyped();
  }

  bool start_object(std::size_t /*size*/) override {
    if (++depth_ == 1) {
      key_ = PlainKey();
      key_.line = ends_ + 1;
      seen_.clear();
      return true;
    }
    return (depth_ == 2 && member_ == "labels") || mistyped();
  }
  bool end_object() override {
    member_.clear();
    if (--depth_ > 0) {
      return true;
    }
    position_.end_object();
    return check(seen_.contains("key") ? visit_(key_)
                                       : Result<void>(core::reject("an object has no key")));
  }
  bool start_array(std::size_t /*size*/) override {
    if (depth_ == 0) {
      return !std::exchange(in_list_, true) || mistyped();
    }
    ++depth_;
    return (depth_ == 2 && (member_ == "scopes" || member_ == "whitelist")) || mistyped();
  }
  bool end_array() override {
    depth_ -= depth_ > 0 ? 1 : 0;
    return true;
  }

  bool key(string_t& name) override {
    if (depth_ > 1) {
      label_ = name;
      return !key_.labels.contains(name) ||
             fail("the label " + core::quote(name) + " is given twice");
    }
    member_ = name;
    if (std::ranges::find(kMembers, name) == kMembers.end()) {
      return fail("a key has no member " + core::quote(name));
    }
    return seen_.insert(name).second || fail("the member " + name + " is given twice");
  }

  bool parse_error(std::size_t position, const std::string& /*last_token*/,
                   const nlohmann::detail::exception& /*error*/) override {
    // The message of nlohmann/json quotes the input, which can contain a key. It counts the end of
    // the text as a character.
    const bool at_end = position > position_.size();
    error_ = {
        core::ErrorCode::usage,
        position_.text() + ": broken JSON: " +
            (at_end ? "it ends here, before it is complete" : "this character cannot be here"),
        "use an array of JSON objects, or one JSON object a line"};
    return false;
  }

 private:
  static constexpr std::array<std::string_view, 9> kMembers{
      "key",        "name",      "scopes",      "whitelist", "expires",
      "rate_limit", "workspace", "description", "labels"};

  bool set_number(std::int64_t value) {
    key_.rate_limit = value;
    return depth_ == 1 && member_ == "rate_limit" ? check(core::check_rate_limit(value))
                                                  : mistyped();
  }

  /// Sets a member to a string; false if it has another type.
  bool set_text(const std::string& value) {
    if (depth_ == 2) {
      if (member_ == "labels") {
        key_.labels[label_] = value;
      } else {
        (member_ == "scopes" ? key_.scopes : key_.whitelist).push_back(value);
      }
      return true;
    }
    if (depth_ != 1) {
      return false;
    }
    if (member_ == "name") {
      key_.name = value;
    } else if (member_ == "expires") {
      key_.expires = value;
    } else if (member_ == "workspace") {
      key_.workspace = value;
    } else if (member_ == "description") {
      key_.description = value;
    } else {
      return false;
    }
    return true;
  }

  bool mistyped() {
    return fail(depth_ == 0 || member_.empty()
                    ? "a key must be a JSON object"
                    : "the member " + member_ + " has a value of the wrong type");
  }

  bool check(const Result<void>& checked) {
    if (!checked) {
      error_ = at_line(key_.line, checked.error());
    }
    return checked.has_value();
  }

  bool fail(std::string message) {
    if (error_.message.empty()) {
      error_ = at_line(ends_ + 1, {core::ErrorCode::usage, std::move(message), ""});
    }
    return false;
  }

  const VisitPlainKey& visit_;
  Position& position_;
  const std::uint64_t& ends_;  // newlines so far
  int depth_ = 0;              // 1: in the object of a key
  bool in_list_ = false;
  PlainKey key_;
  std::string member_;
  std::string label_;
  std::set<std::string> seen_;
  core::Error error_;
};

/// Reads one JSON text.
Result<void> read_text(Position position, const VisitPlainKey& visit) {
  KeyListReader reader(visit, position);
  const bool is_read = nlohmann::json::sax_parse(TextIterator(&position), TextIterator(), &reader);
  if (auto error = position.error()) {
    return tl::unexpected(*std::move(error));
  }
  return is_read ? Result<void>() : Result<void>(tl::unexpected(reader.error()));
}

/// Reads one JSON object in each line.
Result<void> read_objects(KeyListText& text, const VisitPlainKey& visit) {
  KeyListLines lines(text);
  for (;;) {
    const auto line = lines.next();
    if (!line) {
      return tl::unexpected(at_line(lines.number(), line.error()));
    }
    if (!*line) {
      return {};
    }
    if ((*line)->find_first_not_of(kSpace) != std::string_view::npos) {
      std::string_view rest = **line;
      auto read =
          read_text(Position([&] { return std::exchange(rest, {}); }, lines.number() - 1), visit);
      if (!read) {
        return read;
      }
    }
  }
}

}  // namespace

Result<void> read_plain_keys_json(KeyListText& text, const VisitPlainKey& visit) {
  const std::string_view beginning = text.beginning();
  const std::size_t begin = std::min(beginning.find_first_not_of(kSpace), beginning.size());
  if (beginning.substr(begin).starts_with('[')) {
    return read_text(Position([&] { return text.next(); }, 0), visit);
  }
  return read_objects(text, visit);
}

}  // namespace nexakey::cli
