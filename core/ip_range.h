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

/// An IPv4 or IPv6 address. An IPv4 address is stored as the IPv4-mapped IPv6 address
/// `::ffff:a.b.c.d` (RFC 4291, 2.5.5.2), so that both forms are equal.
class IpAddress {
 public:
  /// Reads four decimal numbers without leading zeros, or the text form of RFC 4291 without a zone.
  /// Nothing for any other text.
  static std::optional<IpAddress> parse(std::string_view text);
  static IpAddress from_bytes(const std::array<std::uint8_t, 16>& bytes);

  [[nodiscard]] bool is_v4() const;
  /// 127.0.0.0/8 (RFC 1122, 3.2.1.3) or ::1 (RFC 4291, 2.5.3).
  [[nodiscard]] bool is_loopback() const;
  [[nodiscard]] const std::array<std::uint8_t, 16>& bytes() const { return bytes_; }
  /// The canonical form (RFC 5952); dotted decimal for IPv4.
  [[nodiscard]] std::string to_string() const;

  friend auto operator<=>(const IpAddress&, const IpAddress&) = default;

 private:
  std::array<std::uint8_t, 16> bytes_{};
};

/// Whether a host, a name or an address, is this machine whatever the network says: `localhost`
/// (RFC 6761, 6.3) or a loopback address.
bool is_loopback_host(std::string_view host);

/// An address or a CIDR range of addresses (RFC 4632).
class IpRange {
 public:
  /// `198.51.100.7`, `203.0.113.0/24`, `2001:db8::/32`. Error: `usage`; if bits after the prefix
  /// are set, it names the range without them.
  static Result<IpRange> parse(std::string_view text);

  /// An IPv6 range such as `::/0` contains no IPv4 addresses.
  [[nodiscard]] bool contains(const IpAddress& address) const;
  [[nodiscard]] bool is_v4() const;
  /// The first and the last address.
  [[nodiscard]] const IpAddress& first() const { return first_; }
  [[nodiscard]] IpAddress last() const;
  /// The canonical form; a single address has no `/32` or `/128`.
  [[nodiscard]] std::string to_string() const;

  friend auto operator<=>(const IpRange&, const IpRange&) = default;

 private:
  IpAddress first_;
  std::uint8_t prefix_ = 128;  // of the 128-bit form
};

/// The maximum number of entries; each verification compares them one by one.
inline constexpr std::size_t kMaxWhitelistEntries = 256;

/// The addresses that may use a key, sorted and without duplicates. An empty whitelist allows every
/// client, even if its address is unknown; any other allows only known addresses.
class Whitelist {
 public:
  Whitelist() = default;
  /// Reads entries, each of which may be a list with commas. Error: `usage`.
  static Result<Whitelist> parse(const std::vector<std::string>& entries);
  /// Reads what `to_text` wrote.
  static Result<Whitelist> from_text(std::string_view text);

  [[nodiscard]] bool allows(const std::optional<IpAddress>& address) const;
  [[nodiscard]] bool empty() const { return ranges_.empty(); }
  /// Whether the entries together contain every IPv4 address, or every IPv6 address.
  [[nodiscard]] bool has_all_v4() const;
  [[nodiscard]] bool has_all_v6() const;
  [[nodiscard]] const std::vector<IpRange>& ranges() const { return ranges_; }
  [[nodiscard]] std::vector<std::string> entries() const;
  /// The entries, separated by spaces: the form in stores.
  [[nodiscard]] std::string to_text() const;

  /// The entries of both. Error: `usage`, if there are more than kMaxWhitelistEntries.
  [[nodiscard]] Result<Whitelist> with(const Whitelist& added) const;
  /// The entries that are not in `removed`. Error: `not_found`, if one of `removed` is missing.
  [[nodiscard]] Result<Whitelist> without(const Whitelist& removed) const;

  friend bool operator==(const Whitelist&, const Whitelist&) = default;

 private:
  static Result<Whitelist> of(std::vector<IpRange> ranges);

  std::vector<IpRange> ranges_;
};

}  // namespace nexakey::core
