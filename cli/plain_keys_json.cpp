#include <algorithm>
#include <array>
#include <iterator>
#include <set>

#include <nlohmann/json.hpp>

#include "cli/plain_keys.h"
#include "core/secret.h"
#include "core/text.h"

namespace nexakey::cli {
namespace {

using core::Result;
using Sax = nlohmann::json_sax<nlohmann::json>;

/// Iterates over text and counts the newlines.
class CountingIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  CountingIterator(const char* at, std::uint64_t& ends) : at_(at), ends_(&ends) {}
  reference operator*() const { return *at_; }
  CountingIterator& operator++() {
    *ends_ += *at_ == '\n' ? 1 : 0;
    ++at_;
    return *this;
  }
  friend bool operator==(const CountingIterator& a, const CountingIterator& b) {
    return a.at_ == b.at_;
  }

 private:
  const char* at_;
  std::uint64_t* ends_;
};

/// Receives the events of nlohmann/json's parser. No document is built, so that no copy of a key
/// remains in memory.
class KeyListReader : public Sax {
 public:
  /// `ends` is the number of newlines so far.
  KeyListReader(const VisitPlainKey& visit, const std::uint64_t& ends)
      : visit_(visit), ends_(ends) {}

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

  bool parse_error(std::size_t /*position*/, const std::string& /*last_token*/,
                   const nlohmann::detail::exception& /*error*/) override {
    // The message of nlohmann/json quotes the input, which can contain a key.
    return fail("not a JSON object or an array of JSON objects");
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
  const std::uint64_t& ends_;
  int depth_ = 0;  // 1: in the object of a key
  bool in_list_ = false;
  PlainKey key_;
  std::string member_;
  std::string label_;
  std::set<std::string> seen_;
  core::Error error_;
};

/// Reads one JSON text that begins after `ends` lines.
Result<void> read_text(std::string_view text, std::uint64_t ends, const VisitPlainKey& visit) {
  // nlohmann/json takes a NUL as the end of the input and ignores the rest.
  if (text.find('\0') != std::string_view::npos) {
    return core::reject("invalid JSON: it contains a NUL");
  }
  KeyListReader reader(visit, ends);
  const bool is_read =
      nlohmann::json::sax_parse(CountingIterator(text.data(), ends),
                                CountingIterator(text.data() + text.size(), ends), &reader);
  return is_read ? Result<void>() : Result<void>(tl::unexpected(reader.error()));
}

}  // namespace

Result<void> read_plain_keys_json(std::string_view text, const VisitPlainKey& visit) {
  constexpr std::string_view kSpace = " \t\r\n";
  const std::size_t begin = std::min(text.find_first_not_of(kSpace), text.size());
  if (text.substr(begin).starts_with('[')) {
    return read_text(text, 0, visit);
  }
  std::uint64_t ends = 0;
  for (const std::string_view line : core::split(text, '\n')) {
    if (line.find_first_not_of(kSpace) != std::string_view::npos) {
      if (auto read = read_text(line, ends, visit); !read) {
        return read;
      }
    }
    ++ends;
  }
  return {};
}

}  // namespace nexakey::cli
