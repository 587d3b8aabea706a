#include "store/ending.h"

#include <algorithm>
#include <charconv>
#include <cstdint>

#include <nlohmann/json.hpp>

#include "core/json.h"
#include "core/sha256.h"
#include "core/text.h"

namespace nexakey::store {
namespace {

using core::Json;
using core::KeyId;
using core::Time;
using core::TokenId;

constexpr std::string_view kRevoked = "revoked";
constexpr std::string_view kExpires = "expires";
constexpr std::string_view kThrough = "through";

/// The time that a change has set a member to, if it is another one than before.
std::optional<Time> time_in(const Json& change, const char* side) {
  const auto found = change.find(side);
  if (found == change.end() || !found->is_string()) {
    return std::nullopt;
  }
  const auto time = core::parse_time(found->get_ref<const std::string&>());
  return time ? std::optional(*time) : std::nullopt;
}

/// The check of a text that follows another one.
std::string check_of(std::string_view text, std::string_view before) {
  std::string checked(before.substr(before.size() - std::min(before.size(), kCheckSize)));
  checked += text;
  return core::to_hex(core::sha256(checked)).substr(0, kCheckSize - 1);
}

std::optional<std::uint64_t> parse_count(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool is_it = error == std::errc() && end == text.data() + text.size() &&
                     number <= INT64_MAX && std::to_string(number) == text;
  return is_it ? std::optional(number) : std::nullopt;
}

std::optional<Ending> parse_ending(std::string_view line) {
  const auto words = core::split(line, ' ');
  if (words.size() != 3 || (words[0] != kRevoked && words[0] != kExpires)) {
    return std::nullopt;
  }
  const auto at = core::parse_time(words[2]);
  if (!at || core::format_time(*at) != words[2]) {
    return std::nullopt;
  }
  Ending ending{.subject = KeyId(), .is_revocation = words[0] == kRevoked, .at = *at};
  if (const auto key = KeyId::parse(words[1])) {
    ending.subject = *key;
  } else if (const auto token = TokenId::parse(words[1]); token && ending.is_revocation) {
    ending.subject = *token;
  } else {
    return std::nullopt;
  }
  return ending;
}

/// The last line of a block.
struct LastLine {
  core::AuditHead through;
  std::size_t size = 0;  ///< of the lines before it
  std::string_view check;
};

std::optional<LastLine> parse_last(std::string_view line) {
  const auto words = core::split(line, ' ');
  if (words.size() != 5 || words[0] != kThrough) {
    return std::nullopt;
  }
  const auto number = parse_count(words[1]);
  const auto hash = core::hash_from_hex(words[2]);
  const auto size = parse_count(words[3]);
  if (!number || !hash || core::to_hex(*hash) != words[2] || !size || *size > kMaxBlockSize) {
    return std::nullopt;
  }
  return LastLine{.through = {.number = static_cast<std::int64_t>(*number), .hash = *hash},
                  .size = static_cast<std::size_t>(*size),
                  .check = words[4]};
}

}  // namespace

std::vector<Ending> endings_of(const core::AuditEntry& entry) {
  std::vector<Ending> endings;
  const auto key = KeyId::parse(entry.subject);
  const auto token = TokenId::parse(entry.subject);
  if (!key && !token) {
    return endings;
  }
  const auto details = core::parse_json(entry.details);
  if (!details || !details->is_object()) {
    return endings;
  }
  const auto change_of = [&](const char* member) {
    const auto found = details->find(member);
    return found != details->end() && found->is_object() ? *found : Json();
  };
  if (const auto at = time_in(change_of("revoked_at"), "to")) {
    Ending ending{.subject = TokenId(), .is_revocation = true, .at = *at};
    if (key) {
      ending.subject = *key;
    } else {
      ending.subject = *token;
    }
    endings.push_back(ending);
  }
  const Json expiry = change_of("expires_at");
  const auto before = time_in(expiry, "from");
  const auto after = time_in(expiry, "to");
  if (key && after && (!before || *after < *before)) {
    endings.push_back({.subject = *key, .is_revocation = false, .at = *after});
  }
  return endings;
}

std::string encode(const EndingBlock& block, std::string_view before) {
  std::string text;
  for (const Ending& ending : block.endings) {
    text += ending.is_revocation ? kRevoked : kExpires;
    text += ' ';
    std::visit([&](auto id) { id.append_to(text); }, ending.subject);
    text += ' ';
    core::append_time(text, ending.at);
    text += '\n';
  }
  const std::string size = std::to_string(text.size());
  text += std::string(kThrough) + " " + std::to_string(block.through.number) + " " +
          core::to_hex(block.through.hash) + " " + size + " ";
  return text + check_of(text, before) + "\n";
}

std::optional<std::size_t> size_of_block(std::string_view line) {
  if (!line.ends_with('\n')) {
    return std::nullopt;
  }
  const auto last = parse_last(line.substr(0, line.size() - 1));
  return last ? std::optional(last->size + line.size()) : std::nullopt;
}

std::optional<EndingBlock> decode(std::string_view text, std::string_view before) {
  if (!text.ends_with('\n')) {
    return std::nullopt;
  }
  const auto lines = core::split(text.substr(0, text.size() - 1), '\n');
  const auto last = parse_last(lines.back());
  const std::size_t checked = text.size() - std::min(text.size(), kCheckSize);
  if (!last || last->size + lines.back().size() + 1 != text.size() ||
      last->check != check_of(text.substr(0, checked), before)) {
    return std::nullopt;
  }
  EndingBlock block{.endings = {}, .through = last->through};
  for (std::size_t i = 0; i + 1 < lines.size(); ++i) {
    const auto ending = parse_ending(lines[i]);
    if (!ending || block.endings.size() == kMaxEndings) {
      return std::nullopt;
    }
    block.endings.push_back(*ending);
  }
  return block;
}

bool is_torn(std::string_view text) {
  if (text.find('\0') != std::string_view::npos) {
    return true;
  }
  const auto lines = core::split(text, '\n');
  return std::all_of(lines.begin(), lines.end() - 1,
                     [](std::string_view line) { return parse_ending(line).has_value(); });
}

}  // namespace nexakey::store
