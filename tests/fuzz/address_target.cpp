#include <string>

#include "core/ip_range.h"
#include "tests/fuzz/target.h"

/// Addresses, ranges and whitelists: what is accepted has one canonical text, which means the same.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace nexakey;
  using fuzz::expect;
  const std::string text(fuzz::text_of(data, size));
  if (const auto address = core::IpAddress::parse(text)) {
    expect(core::IpAddress::parse(address->to_string()) == address, "the text of an address");
    expect(core::IpRange::parse(text).has_value(), "an address is a range");
  }
  if (const auto range = core::IpRange::parse(text)) {
    const auto again = core::IpRange::parse(range->to_string());
    expect(again && *again == *range, "the text of a range");
  }
  if (const auto whitelist = core::Whitelist::parse({text})) {
    const auto again = core::Whitelist::from_text(whitelist->to_text());
    expect(again && *again == *whitelist, "the text of a whitelist");
    expect(whitelist->ranges().size() <= core::kMaxWhitelistEntries, "the bound of a whitelist");
    for (const core::IpRange& range : whitelist->ranges()) {
      expect(again->with(*whitelist) == *again, "adding what is there changes nothing");
      expect(core::IpRange::parse(range.to_string()).has_value(), "each entry is a range");
    }
  }
  return 0;
}
