#include "core/ip_range.h"

#include <algorithm>
#include <charconv>

#include <arpa/inet.h>

#include "core/text.h"

namespace nexakey::core {
namespace {

constexpr std::array<std::uint8_t, 12> kV4Prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
constexpr std::uint8_t kV4PrefixBits = 96;

/// `address` with all bits after the first `prefix` cleared.
IpAddress network_of(const IpAddress& address, std::uint8_t prefix) {
  auto bytes = address.bytes();
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const int kept = std::clamp(static_cast<int>(prefix) - static_cast<int>(8 * i), 0, 8);
    bytes[i] = static_cast<std::uint8_t>(bytes[i] & (0xFF00U >> static_cast<unsigned>(kept)));
  }
  return IpAddress::from_bytes(bytes);
}

/// The address after `address`, which is not the last one.
IpAddress next_of(const IpAddress& address) {
  auto bytes = address.bytes();
  for (std::size_t i = bytes.size(); ++bytes[--i] == 0;) {
  }
  return IpAddress::from_bytes(bytes);
}

/// Whether ranges, which are sorted, together contain every address from `first` to `last`.
bool cover(const std::vector<IpRange>& ranges, IpAddress first, const IpAddress& last) {
  for (const IpRange& range : ranges) {
    const IpAddress end = range.last();
    if (range.first() <= first && first <= end) {
      if (end >= last) {
        return true;
      }
      first = next_of(end);
    }
  }
  return false;
}

/// Reads a prefix length: a number without sign or leading zeros.
std::optional<std::uint8_t> parse_prefix(std::string_view text, std::uint8_t max) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value > max ||
      (text.size() > 1 && text.front() == '0')) {
    return std::nullopt;
  }
  return static_cast<std::uint8_t>(value);
}

}  // namespace

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  const std::string terminated(text);
  if (terminated.size() >= INET6_ADDRSTRLEN || terminated.find('\0') != std::string::npos) {
    return std::nullopt;
  }
  IpAddress address;
  std::ranges::copy(kV4Prefix, address.bytes_.begin());
  if (inet_pton(AF_INET, terminated.c_str(), address.bytes_.data() + kV4Prefix.size()) == 1 ||
      inet_pton(AF_INET6, terminated.c_str(), address.bytes_.data()) == 1) {
    return address;
  }
  return std::nullopt;
}

IpAddress IpAddress::from_bytes(const std::array<std::uint8_t, 16>& bytes) {
  IpAddress address;
  address.bytes_ = bytes;
  return address;
}

bool IpAddress::is_v4() const {
  return std::equal(kV4Prefix.begin(), kV4Prefix.end(), bytes_.begin());
}

bool IpAddress::is_loopback() const {
  constexpr std::array<std::uint8_t, 16> kV6{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  constexpr std::uint8_t kV4 = 127;
  return bytes_ == kV6 || (is_v4() && bytes_[kV4Prefix.size()] == kV4);
}

bool is_loopback_host(std::string_view host) {
  const auto address = IpAddress::parse(host);
  return host == "localhost" || (address && address->is_loopback());
}

std::string IpAddress::to_string() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (!is_v4()) {
    inet_ntop(AF_INET6, bytes_.data(), text.data(), text.size());
    return text.data();
  }
  // inet_ntop uses printf, which takes ten times as long; each decision has an address.
  char* at = text.data();
  for (std::size_t i = kV4Prefix.size(); i < bytes_.size(); ++i) {
    at = std::to_chars(at, text.data() + text.size(), unsigned{bytes_[i]}).ptr;
    *at++ = '.';
  }
  return {text.data(), at - 1};
}

Result<IpRange> IpRange::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  const std::string_view written = text.substr(0, slash);
  const auto address = IpAddress::parse(written);
  if (!address) {
    return reject(quote(text) + " is not an IPv4 or IPv6 address or CIDR range");
  }
  IpRange range;
  range.first_ = *address;
  if (slash == std::string_view::npos) {
    return range;
  }
  // The prefix of a mapped address counts IPv6 bits, that of a dotted one IPv4 bits.
  const bool dotted = written.find(':') == std::string_view::npos;
  const auto prefix = parse_prefix(text.substr(slash + 1), dotted ? 32 : 128);
  if (!prefix) {
    return reject(quote(text) + " has no prefix length from 0 to " + (dotted ? "32" : "128"));
  }
  range.prefix_ = static_cast<std::uint8_t>(dotted ? *prefix + kV4PrefixBits : *prefix);
  range.first_ = network_of(*address, range.prefix_);
  if (range.first_ != *address) {
    return reject(quote(text) + " has bits set after its prefix",
                  "the range is " + range.to_string());
  }
  return range;
}

// No range with a shorter prefix than that of IPv4 begins at an IPv4 address: it would have bits
// set after its prefix.
bool IpRange::is_v4() const { return first_.is_v4(); }

bool IpRange::contains(const IpAddress& address) const {
  return address.is_v4() == is_v4() && network_of(address, prefix_) == first_;
}

IpAddress IpRange::last() const {
  auto bytes = first_.bytes();
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const int kept = std::clamp(static_cast<int>(prefix_) - static_cast<int>(8 * i), 0, 8);
    bytes[i] = static_cast<std::uint8_t>(bytes[i] | (0xFFU >> static_cast<unsigned>(kept)));
  }
  return IpAddress::from_bytes(bytes);
}

std::string IpRange::to_string() const {
  std::string address = first_.to_string();
  if (prefix_ == 128) {
    return address;
  }
  return address + "/" + std::to_string(is_v4() ? prefix_ - kV4PrefixBits : prefix_);
}

Result<Whitelist> Whitelist::of(std::vector<IpRange> ranges) {
  std::ranges::sort(ranges);
  ranges.erase(std::unique(ranges.begin(), ranges.end()), ranges.end());
  if (ranges.size() > kMaxWhitelistEntries) {
    return reject("a whitelist takes at most " + std::to_string(kMaxWhitelistEntries) + " entries",
                  "name ranges in place of single addresses");
  }
  Whitelist whitelist;
  whitelist.ranges_ = std::move(ranges);
  return whitelist;
}

Result<Whitelist> Whitelist::parse(const std::vector<std::string>& entries) {
  std::vector<IpRange> ranges;
  for (const std::string& list : entries) {
    for (const std::string_view entry : split(list, ',')) {
      auto range = IpRange::parse(entry);
      if (!range) {
        return tl::unexpected(std::move(range.error()));
      }
      ranges.push_back(*range);
    }
  }
  return of(std::move(ranges));
}

Result<Whitelist> Whitelist::from_text(std::string_view text) {
  if (text.empty()) {
    return Whitelist();
  }
  std::vector<std::string> entries;
  for (const std::string_view entry : split(text, ' ')) {
    entries.emplace_back(entry);
  }
  return parse(entries);
}

bool Whitelist::allows(const std::optional<IpAddress>& address) const {
  return empty() || (address && std::ranges::any_of(ranges_, [&](const IpRange& range) {
                       return range.contains(*address);
                     }));
}

bool Whitelist::has_all_v4() const {
  std::vector<IpRange> ranges;
  std::ranges::copy_if(ranges_, std::back_inserter(ranges), &IpRange::is_v4);
  return cover(ranges, IpAddress::parse("0.0.0.0").value(),
               IpAddress::parse("255.255.255.255").value());
}

bool Whitelist::has_all_v6() const {
  std::vector<IpRange> ranges;
  std::ranges::remove_copy_if(ranges_, std::back_inserter(ranges), &IpRange::is_v4);
  // IPv4 addresses, as IPv4-mapped ones, are not a part of it.
  return cover(ranges, IpAddress(), IpAddress::parse("::fffe:ffff:ffff").value()) &&
         cover(ranges, IpAddress::parse("::1:0:0:0").value(),
               IpAddress::parse("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff").value());
}

std::vector<std::string> Whitelist::entries() const {
  std::vector<std::string> entries;
  entries.reserve(ranges_.size());
  for (const IpRange& range : ranges_) {
    entries.push_back(range.to_string());
  }
  return entries;
}

std::string Whitelist::to_text() const {
  std::string text;
  for (const IpRange& range : ranges_) {
    text += (text.empty() ? "" : " ") + range.to_string();
  }
  return text;
}

Result<Whitelist> Whitelist::with(const Whitelist& added) const {
  std::vector<IpRange> ranges = ranges_;
  ranges.insert(ranges.end(), added.ranges_.begin(), added.ranges_.end());
  return of(std::move(ranges));
}

Result<Whitelist> Whitelist::without(const Whitelist& removed) const {
  for (const IpRange& range : removed.ranges_) {
    if (!std::ranges::binary_search(ranges_, range)) {
      return fail(ErrorCode::not_found, range.to_string() + " is not on the whitelist");
    }
  }
  std::vector<IpRange> kept;
  std::ranges::set_difference(ranges_, removed.ranges_, std::back_inserter(kept));
  return of(std::move(kept));
}

}  // namespace nexakey::core
