#include "cli/audit_words.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "core/json.h"
#include "core/text.h"
#include "core/time.h"

namespace nexakey::cli {
namespace {

using core::Json;

constexpr const char* kArrow = " → ";

/// The members that are not called as they are in JSON, with `_` as a space.
constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kMemberNames{{
    {"expires_at", "expires"},
    {"max_lifetime_seconds", "lifetime at most"},
    {"revoke_reason", "reason"},
    {"audit_head", "log"},
    {"suspended_at", "suspended"},
}};

std::string name_of_member(const std::string& member) {
  const auto* const known =
      std::ranges::find(kMemberNames, member, &decltype(kMemberNames)::value_type::first);
  if (known != kMemberNames.end()) {
    return std::string(known->second);
  }
  std::string name = member;
  std::ranges::replace(name, '_', ' ');
  return name;
}

/// Whether text cannot be mistaken for other words of the details.
bool is_plain(const std::string& text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return core::is_alphanumeric(c) ||
           std::string_view("-_.:/@+*").find(c) != std::string_view::npos;
  });
}

std::string dump(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

bool has(const Json& value, const char* first, const char* second) {
  return value.is_object() && value.size() == 2 && value.contains(first) && value.contains(second);
}

/// `read,write`, `team=crm`, `3`, `"laptop stolen"` or `none`.
std::string words_of_value(const Json& value) {
  if (value.is_null() || (value.is_structured() && value.empty())) {
    return "none";
  }
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    return is_plain(text) ? text : dump(value);
  }
  if (!value.is_structured()) {
    return dump(value);
  }
  if (has(value, "requests", "window")) {
    return words_of_value(value["requests"]) + "/" + words_of_value(value["window"]);
  }
  std::string list;
  for (const auto& [name, element] : value.items()) {
    list += list.empty() ? "" : ",";
    list += value.is_object() ? name + "=" : "";
    list += words_of_value(element);
  }
  return list;
}

/// `+ 203.0.113.0/24 - 192.0.2.1`: what a list has gained and lost.
std::string words_of_list(const Json& change) {
  std::vector<std::string> words;
  for (const auto& [sign, member] : {std::pair("+ ", "added"), std::pair("- ", "removed")}) {
    if (!change[member].empty()) {
      words.push_back(sign + words_of_value(change[member]));
    }
  }
  return core::join(words, " ");
}

/// The counts of an import, as `3 added 1 changed`; empty if there are none.
std::string words_of_counts(const Json& counts) {
  std::vector<std::string> words;
  for (const char* const member : {"added", "changed"}) {
    if (counts[member] != 0) {
      words.push_back(words_of_value(counts[member]) + " " + member);
    }
  }
  return core::join(words, " ");
}

/// `90d`, or `none`.
std::string words_of_seconds(const Json& value) {
  return value.is_number_unsigned() && value.get<std::uint64_t>() > 0
             ? core::format_duration(std::chrono::seconds(value.get<std::int64_t>()))
             : words_of_value(value);
}

/// The time is that of the entry.
bool is_in_entry(const std::string& member) {
  return member == "created_at" || member == "revoked_at";
}

/// What changed, in words; empty if it is not worth any.
std::string words_of_member(const core::AuditEntry& entry, const std::string& member,
                            const Json& value) {
  const bool is_new = entry.action == "create" || entry.action == "token_create";
  if ((is_new || entry.action == "purge") && member == "name") {
    return "";  // it is beside the id
  }
  if (is_in_entry(member) && entry.action != "purge") {
    return "";
  }
  const std::string name = name_of_member(member);
  if (has(value, "added", "removed")) {
    return name + " " + words_of_list(value);
  }
  if (entry.action == "import" && has(value, "added", "changed")) {
    const std::string counts = words_of_counts(value);
    return counts.empty() ? "" : name + " " + counts;
  }
  if (!has(value, "from", "to")) {
    return name + " " + words_of_value(value);
  }
  if (member == "max_lifetime_seconds") {
    return name + " " + words_of_seconds(value["from"]) + kArrow + words_of_seconds(value["to"]);
  }
  const bool is_first =
      value["from"].is_null() && (member == "revoke_reason" || member == "superseded_by");
  return name + " " + (is_first ? "" : words_of_value(value["from"]) + kArrow) +
         words_of_value(value["to"]);
}

}  // namespace

std::string words_of(const core::AuditEntry& entry) {
  const auto details = core::parse_json(entry.details);
  if (!details || !details->is_object()) {
    return entry.details;
  }
  std::vector<std::string> words;
  for (const auto& [member, value] : details->items()) {
    if (std::string some = words_of_member(entry, member, value); !some.empty()) {
      words.push_back(std::move(some));
    }
  }
  return words.empty() ? "-" : core::join(words, "; ");
}

std::string name_in(const core::AuditEntry& entry) {
  const auto details = core::parse_json(entry.details);
  if (!details || !details->is_object() || !details->contains("name")) {
    return "";
  }
  const Json& name = (*details)["name"];
  const Json& latest = has(name, "from", "to") ? name["to"] : name;
  return latest.is_string() ? latest.get<std::string>() : "";
}

}  // namespace nexakey::cli
