#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/credential.h"
#include "core/id.h"
#include "core/text.h"
#include "core/time.h"

namespace nexakey::store {

/// A row of a result, as an SQL engine has it. A value that does not have the wanted type is
/// nothing.
template <typename R>
concept Row = requires(const R& row, int column) {
  { row.is_null(column) } -> std::convertible_to<bool>;
  { row.number(column) } -> std::same_as<std::optional<std::int64_t>>;
  { row.text(column) } -> std::convertible_to<std::string_view>;
  { row.hash(column) } -> std::same_as<std::optional<core::CredentialHash>>;
  { row.bytes(column) } -> std::same_as<std::string>;
};

/// Decodes the columns of a row, whose names are known, and notes those that it cannot decode: they
/// have a default value then. Everything that a number means has its range, so that no value from
/// elsewhere becomes the right of a key.
template <Row R>
class Decoder {
 public:
  Decoder(const R& row, std::span<const std::string_view> names) : row_(row), names_(names) {}

  [[nodiscard]] std::string text(int column) const { return std::string(row_.text(column)); }
  /// The same text, valid as long as the row.
  [[nodiscard]] std::string_view view(int column) const { return row_.text(column); }
  /// A text that can be shown, or what `otherwise` returns.
  template <std::invocable Otherwise>
  std::string printable(int column, const Otherwise& otherwise) {
    std::string text = this->text(column);
    if (core::is_printable(text)) {
      return text;
    }
    note(column);
    return std::string(otherwise());
  }
  std::string printable(int column, std::string_view otherwise = {}) {
    return printable(column, [&] { return otherwise; });
  }
  [[nodiscard]] std::optional<std::string> optional_text(int column) const {
    return row_.is_null(column) ? std::nullopt : std::optional(text(column));
  }

  /// A number from `min` to `max`, or `otherwise`.
  std::int64_t number(int column, std::int64_t min, std::int64_t max, std::int64_t otherwise) {
    const auto number = row_.number(column);
    if (number && *number >= min && *number <= max) {
      return *number;
    }
    note(column);
    return otherwise;
  }

  /// A time of the years 1970 to 9999.
  core::Time time(int column) {
    const auto milliseconds = row_.number(column);
    return parsed(column,
                  milliseconds ? core::time_from_milliseconds(*milliseconds) : std::nullopt);
  }
  /// Nothing also if it cannot be decoded.
  std::optional<core::Time> optional_time(int column) {
    const std::size_t before = damage_.size();
    const std::optional<core::Time> value =
        row_.is_null(column) ? std::nullopt : std::optional(time(column));
    return damage_.size() == before ? value : std::nullopt;
  }

  template <typename Id>
  Id id(int column) {
    return Id(number(column, 0, Id::kMaxBits, 0));
  }
  /// Nothing also if it cannot be decoded.
  template <typename Id>
  std::optional<Id> optional_id(int column) {
    const std::size_t before = damage_.size();
    const std::optional<Id> value =
        row_.is_null(column) ? std::nullopt : std::optional(id<Id>(column));
    return damage_.size() == before ? value : std::nullopt;
  }

  core::CredentialHash hash(int column) {
    const auto hash = row_.hash(column);
    return hash ? *hash : (note(column), core::CredentialHash{});
  }

  /// What a text was parsed to, an optional or a Result.
  template <typename Parsed>
  auto parsed(int column, Parsed value) -> typename Parsed::value_type {
    return value ? *std::move(value) : (note(column), typename Parsed::value_type());
  }

  [[nodiscard]] bool has_damage() const { return !damage_.empty(); }
  /// The names of the columns that could not be decoded.
  [[nodiscard]] std::vector<std::string> take_damage() { return std::move(damage_); }

 private:
  void note(int column) { damage_.emplace_back(names_[static_cast<std::size_t>(column)]); }

  const R& row_;
  std::span<const std::string_view> names_;
  std::vector<std::string> damage_;
};

}  // namespace nexakey::store
