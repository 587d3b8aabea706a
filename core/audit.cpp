#include "core/audit.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <nlohmann/json.hpp>

#include "core/json.h"
#include "core/query.h"
#include "core/text.h"

namespace nexakey::core {
namespace {

constexpr std::array kActions{
    AuditAction::create,       AuditAction::edit,       AuditAction::revoke,
    AuditAction::rotate,       AuditAction::whitelist,  AuditAction::import,
    AuditAction::restore,      AuditAction::purge,      AuditAction::token_create,
    AuditAction::token_revoke, AuditAction::policy_set, AuditAction::policy_clear};

/// The form of RFC 8785. nlohmann/json sorts names by their bytes and escapes only what JSON
/// requires. Our names are ASCII and our numbers are integers, for which that is sufficient.
std::string to_canonical(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// What `write` writes, as JSON.
template <typename Write>
Json document(const Write& write) {
  std::string text;
  JsonWriter json(text);
  write(json);
  return parse_json(text).value();
}

/// A text of an entry in canonical form.
std::string canonical_text(std::string_view text) {
  if (std::ranges::all_of(text, is_plain_in_json)) {
    return '"' + std::string(text) + '"';
  }
  return to_canonical(document([&](JsonWriter& json) { json.string(text); }));
}

/// The same of a text that is null if it is empty.
std::string canonical_optional(std::string_view text) {
  return text.empty() ? "null" : canonical_text(text);
}

/// The same of the details of an entry. They are a string if they are not JSON.
std::string canonical_details(const std::string& details) {
  const auto value = parse_json(details, kMaxJsonDepth - 1);  // the entry is one level around them
  return value ? to_canonical(*value) : canonical_text(details);
}

/// The hash of an entry whose details have this canonical form.
Sha256 hash_with(const AuditEntry& entry, std::string_view details, const Sha256& previous) {
  std::string text(previous.begin(), previous.end());
  JsonWriter json(text);
  json.begin_object();
  json.name("action").raw(canonical_text(entry.action));
  json.name("actor").raw(canonical_optional(entry.actor.name));
  json.name("at").plain(format_time(entry.at));
  json.name("details").raw(details);
  json.name("number").number(entry.number);
  json.name("source").raw(canonical_optional(entry.actor.source));
  json.name("subject").raw(canonical_optional(entry.subject));
  json.name("workspace").raw(canonical_optional(entry.workspace));
  json.end_object();
  return sha256(text);
}

/// The members of a key or token that do not change with time, are not in other members of the
/// entry, and are not a part of the secret.
Json members_of(Json json) {
  for (const char* const name :
       {"id", "hint", "workspace", "status", "last_used_at", "last_used_ip"}) {
    json.erase(name);
  }
  return json;
}

/// The same of a key. Members that are absent have a value, which a change shows.
Json members_of_key(Json json) {
  Json members = members_of(std::move(json));
  members.erase("line");  // follows from what it was rotated from
  members.emplace("limits", Json::array());
  members.emplace("unconfirmed", nullptr);
  return members;
}

Json members_of(const Key& key) {
  return members_of_key(document([&](JsonWriter& json) { write_key(json, key, {}); }));
}

Json members_of(const Token& token) {
  return members_of(document([&](JsonWriter& json) { write_token(json, token, {}); }));
}

/// Those of these members that have a value.
std::string details_of_creation(const Json& members) {
  Json details = Json::object();
  for (const auto& [name, value] : members.items()) {
    if (!value.empty()) {
      details[name] = value;
    }
  }
  return to_canonical(details);
}

Json without(const Json& list, const Json& others) {
  Json rest = Json::array();
  std::ranges::copy_if(list, std::back_inserter(rest), [&](const Json& entry) {
    return std::ranges::find(others, entry) == others.end();
  });
  return rest;
}

Json changes(const Json& before, const Json& after) {
  Json details = Json::object();
  for (const auto& [name, value] : after.items()) {
    const Json& old = before.at(name);
    if (value == old) {
      continue;
    }
    if (name == "whitelist") {
      details[name] = {{"added", without(value, old)}, {"removed", without(old, value)}};
    } else {
      details[name] = {{"from", old}, {"to", value}};
    }
  }
  return details;
}

}  // namespace

std::string_view name_of(AuditAction action) {
  switch (action) {
    case AuditAction::create:
      return "create";
    case AuditAction::edit:
      return "edit";
    case AuditAction::revoke:
      return "revoke";
    case AuditAction::rotate:
      return "rotate";
    case AuditAction::whitelist:
      return "whitelist";
    case AuditAction::import:
      return "import";
    case AuditAction::restore:
      return "restore";
    case AuditAction::purge:
      return "purge";
    case AuditAction::token_create:
      return "token_create";
    case AuditAction::token_revoke:
      return "token_revoke";
    case AuditAction::policy_set:
      return "policy_set";
    case AuditAction::policy_clear:
      break;
  }
  return "policy_clear";
}

std::optional<AuditAction> parse_audit_action(std::string_view name) {
  const auto* const action =
      std::ranges::find(kActions, name, [](AuditAction known) { return name_of(known); });
  return action == kActions.end() ? std::nullopt : std::optional(*action);
}

std::string AuditHead::to_string() const { return std::to_string(number) + ":" + to_hex(hash); }

Result<AuditHead> AuditHead::parse(std::string_view text) {
  AuditHead head;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), head.number);
  const auto length = static_cast<std::size_t>(end - text.data());
  const auto hash = hash_from_hex(text.substr(std::min(length + 1, text.size())));
  if (error != std::errc() || head.number < 0 || !hash || text[length] != ':') {
    return reject(quote(text) + " is not a log head",
                  "use NUMBER:HASH, as nexakey audit --head prints it");
  }
  head.hash = *hash;
  return head;
}

Sha256 hash_of(const AuditEntry& entry, const Sha256& previous) {
  return hash_with(entry, canonical_details(entry.details), previous);
}

AuditEntry next_entry(const AuditHead& head, const Actor& actor, Time at, AuditRecord record) {
  AuditEntry entry{.number = head.number + 1,
                   .at = at,
                   .action = std::string(name_of(record.action)),
                   .actor = actor,
                   .workspace = std::move(record.workspace),
                   .subject = std::move(record.subject),
                   .details = std::move(record.details)};
  entry.hash = hash_with(entry, entry.details, head.hash);
  return entry;
}

AuditRecord record_creation(const Key& key) {
  return {.action = AuditAction::create,
          .workspace = key.workspace,
          .subject = key.id.to_string(),
          .details = details_of_creation(members_of(key))};
}

AuditRecord record_creation(const Token& token) {
  return {.action = AuditAction::token_create,
          .workspace = token.workspace.value_or(""),
          .subject = token.id.to_string(),
          .details = details_of_creation(members_of(token))};
}

std::optional<AuditRecord> record_change(AuditAction action, const Key& before, const Key& after) {
  const auto [old_members, new_members] = write_key_differences(before, after);
  const Json details = changes(members_of_key(parse_json(old_members).value()),
                               members_of_key(parse_json(new_members).value()));
  if (details.empty()) {
    return std::nullopt;
  }
  const bool is_whitelist = details.size() == 1 && details.contains("whitelist");
  return AuditRecord{
      .action = action == AuditAction::edit && is_whitelist ? AuditAction::whitelist : action,
      .workspace = after.workspace,
      .subject = after.id.to_string(),
      .details = to_canonical(details)};
}

AuditRecord record_revocation(const Key& before, const Key& after) {
  AuditRecord record{.action = AuditAction::revoke,
                     .workspace = after.workspace,
                     .subject = after.id.to_string(),
                     .details = {}};
  JsonWriter json(record.details);
  const auto add = [&](std::string_view name, const std::string& from, const std::string& to) {
    if (from != to) {
      json.name(name).begin_object().name("from").raw(from).name("to").raw(to).end_object();
    }
  };
  const auto time = [](const std::optional<Time>& at) {
    return canonical_optional(at ? format_time(*at) : "");
  };
  json.begin_object();
  add("revoke_reason", canonical_optional(before.revoke_reason),
      canonical_optional(after.revoke_reason));
  add("revoked_at", time(before.revoked_at), time(after.revoked_at));
  json.end_object();
  return record;
}

AuditRecord record_purge(const Key& key) {
  const Json members = members_of(key);
  Json kept = Json::object();
  for (const char* const name :
       {"name", "expires_at", "revoked_at", "rotated_from", "superseded_by"}) {
    kept[name] = members.at(name);
  }
  return {.action = AuditAction::purge,
          .workspace = key.workspace,
          .subject = key.id.to_string(),
          .details = details_of_creation(kept)};
}

AuditRecord record_restore(std::uint64_t revoked_keys, std::uint64_t revoked_tokens,
                           std::uint64_t expired_earlier, std::uint64_t purged_keys) {
  return {.action = AuditAction::restore,
          .workspace = "",
          .subject = "",
          .details = to_canonical({{"expired_earlier", expired_earlier},
                                   {"purged_keys", purged_keys},
                                   {"revoked_keys", revoked_keys},
                                   {"revoked_tokens", revoked_tokens}})};
}

AuditRecord record_revocation(const Token& before, const Token& after) {
  return {.action = AuditAction::token_revoke,
          .workspace = after.workspace.value_or(""),
          .subject = after.id.to_string(),
          .details = to_canonical(changes(members_of(before), members_of(after)))};
}

std::optional<AuditRecord> record_policy(const Policy& before, const Policy& after) {
  const auto members = [](const Policy& policy) {
    Json json = document([&](JsonWriter& writer) { write_policy(writer, policy); });
    json.erase("workspace");
    return json;
  };
  const Json details = changes(members(before), members(after));
  if (details.empty()) {
    return std::nullopt;
  }
  return AuditRecord{.action = after.empty() ? AuditAction::policy_clear : AuditAction::policy_set,
                     .workspace = after.workspace,
                     .subject = "",
                     .details = to_canonical(details)};
}

bool AuditFilter::matches(const AuditEntry& entry) const {
  return entry.number > after &&
         (subjects.empty() || std::ranges::find(subjects, entry.subject) != subjects.end()) &&
         (!actor || entry.actor.name == *actor) && (!action || entry.action == name_of(*action)) &&
         (!workspace || entry.workspace == *workspace) && (!since || entry.at >= *since) &&
         (!until || entry.at < *until);
}

bool AuditChecker::add(const AuditEntry& entry) {
  if (!problem_.empty()) {
    return false;
  }
  const std::int64_t expected = head_.number + 1;
  const std::string name = "entry " + std::to_string(entry.number);
  if (entry.number > expected) {
    problem_ = "entry " + std::to_string(expected) + " is missing";
  } else if (entry.number < expected) {
    problem_ = name + " was inserted after entry " + std::to_string(head_.number);
  } else if (entry.hash != hash_of(entry, head_.hash)) {
    problem_ = name + " does not continue the chain: it or an earlier entry was changed";
  }
  head_ = {entry.number, entry.hash};
  if (problem_.empty() && known_ && known_->number == entry.number && known_->hash != entry.hash) {
    problem_ = name + " differs from the known head: the log was rewritten";
  }
  return problem_.empty();
}

Result<AuditHead> AuditChecker::finish() const {
  if (!problem_.empty()) {
    return core::fail(ErrorCode::failed, "the audit log is not intact: " + problem_);
  }
  if (known_ && known_->number > head_.number) {
    return core::fail(ErrorCode::failed, "the audit log is not intact: it ends with entry " +
                                             std::to_string(head_.number) + "; entry " +
                                             std::to_string(known_->number) +
                                             " of the known head is missing");
  }
  return head_;
}

}  // namespace nexakey::core
