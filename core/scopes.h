#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace nexakey::core {

/// What a key may do. Neither scope implies the other.
enum class Scope : std::uint8_t { read = 1, write = 2 };

/// All scopes.
inline constexpr std::array kScopes{Scope::read, Scope::write};

std::string_view name_of(Scope scope);

/// The scope that allows an HTTP method: `read` for GET, HEAD and OPTIONS; `write` for POST, PUT,
/// PATCH and DELETE; none for any other. Methods are case-sensitive (RFC 9110, 9.1).
std::optional<Scope> scope_for(std::string_view method);

/// A set of scopes.
class Scopes {
 public:
  constexpr Scopes() = default;
  /// The scopes in `bits`; other bits are ignored.
  constexpr explicit Scopes(unsigned bits) : bits_(static_cast<std::uint8_t>(bits & 3U)) {}

  /// Parses names, each of which may be a list with commas: {"read,write"} or {"read", "write"}.
  /// Repetitions are ignored. Error: `usage`, for an unknown scope or none.
  static Result<Scopes> parse(const std::vector<std::string>& names);

  void add(Scope scope) { bits_ |= static_cast<std::uint8_t>(scope); }
  [[nodiscard]] constexpr bool has(Scope scope) const {
    return (bits_ & static_cast<std::uint8_t>(scope)) != 0;
  }
  [[nodiscard]] constexpr bool has_all(Scopes other) const {
    return (bits_ & other.bits_) == other.bits_;
  }
  [[nodiscard]] constexpr unsigned bits() const { return bits_; }
  [[nodiscard]] constexpr bool empty() const { return bits_ == 0; }
  /// The names, `read` before `write`.
  [[nodiscard]] std::vector<std::string_view> names() const;

  friend constexpr bool operator==(const Scopes&, const Scopes&) = default;

 private:
  std::uint8_t bits_ = 0;
};

}  // namespace nexakey::core
