#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace nexakey::core {

/// An IPv4 or IPv6 address. An IPv4 address is held, and an IPv4-mapped IPv6 address (RFC 4291,
/// 2.5.5.2) understood, as `::ffff:a.b.c.d`, so that both are the same address.
class IpAddress {
 public:
  /// Strict: four decimal numbers without leading zeros, or RFC 4291 text form without a zone.
  static std::optional<IpAddress> parse(std::string_view text);
  static IpAddress from_bytes(const std::array<std::uint8_t, 16>& bytes);

  [[nodiscard]] bool is_v4() const;
  [[nodiscard]] const std::array<std::uint8_t, 16>& bytes() const { return bytes_; }
  /// Canonical (RFC 5952); dotted for IPv4.
  [[nodiscard]] std::string to_string() const;

  friend auto operator<=>(const IpAddress&, const IpAddress&) = default;

 private:
  std::array<std::uint8_t, 16> bytes_{};
};

/// An address or a CIDR range (RFC 4632) of them.
class IpRange {
 public:
  /// `198.51.100.7`, `203.0.113.0/24`, `2001:db8::/32`. Bits set behind the prefix are an error
  /// that names the range meant.
  static Result<IpRange> parse(std::string_view text);

  /// A range of IPv6 such as `::/0` holds no IPv4 address, although those have an IPv6 form.
  [[nodiscard]] bool contains(const IpAddress& address) const;
  /// Canonical; a single address has no `/32` or `/128`.
  [[nodiscard]] std::string to_string() const;

  friend auto operator<=>(const IpRange&, const IpRange&) = default;

 private:
  [[nodiscard]] bool is_v4() const;

  IpAddress first_;
  std::uint8_t prefix_ = 128;  // of the 128-bit form
};

/// The most entries that a whitelist takes; each verification walks through them.
inline constexpr std::size_t kMaxWhitelistEntries = 256;

/// The addresses that may use a key: sorted and unique. An empty one allows every address, known
/// or not; one with entries allows no unknown address.
class Whitelist {
 public:
  Whitelist() = default;
  /// The entries, each possibly a list with commas.
  static Result<Whitelist> parse(const std::vector<std::string>& entries);
  /// What `to_text` wrote.
  static Result<Whitelist> from_text(std::string_view text);

  [[nodiscard]] bool allows(const std::optional<IpAddress>& address) const;
  [[nodiscard]] bool empty() const { return ranges_.empty(); }
  [[nodiscard]] const std::vector<IpRange>& ranges() const { return ranges_; }
  [[nodiscard]] std::vector<std::string> entries() const;
  /// The entries with a space between them: the form in which a store keeps them.
  [[nodiscard]] std::string to_text() const;

  /// All of both. Longer than kMaxWhitelistEntries is an error.
  [[nodiscard]] Result<Whitelist> with(const Whitelist& added) const;
  /// Without the entries of `removed`; one that is not there is a `not_found` error.
  [[nodiscard]] Result<Whitelist> without(const Whitelist& removed) const;

  friend bool operator==(const Whitelist&, const Whitelist&) = default;

 private:
  static Result<Whitelist> of(std::vector<IpRange> ranges);

  std::vector<IpRange> ranges_;
};

}  // namespace nexakey::core
