#include "core/json/key.h"

namespace nexakey::core {
namespace shape {
namespace {

constexpr auto kChange =
    std::make_tuple(member_as<Settable<std::string>>("name", &KeyChange::name, Presence::sparse),
                    member<KeyChange>("description", &KeyChange::description, Presence::sparse),
                    member_as<Settable<Scopes>>("scopes", &KeyChange::scopes, Presence::sparse),
                    member<KeyChange>("expires_at", &KeyChange::expires_at, Presence::sparse),
                    member_as<Settable<std::uint32_t, RateLimitCodec>>(
                        "rate_limit", &KeyChange::rate_limit, Presence::sparse),
                    member<KeyChange>("limits", &KeyChange::limits, Presence::sparse),
                    member<KeyChange>("labels", &KeyChange::labels),
                    member_as<Settable<bool>>("suspended", &KeyChange::suspended, Presence::sparse),
                    member<KeyChange>("allow", &KeyChange::allow),
                    member<KeyChange>("disallow", &KeyChange::disallow),
                    member<KeyChange>("may_open", &KeyChange::may_open));

constexpr auto kRotation =
    std::make_tuple(member<Rotation>("id", &Rotation::successor, Presence::required),
                    member<Rotation>("hash", &Rotation::hash, Presence::required),
                    member_as<Hint<kApiKeyForm>>("hint", &Rotation::last_four, Presence::required),
                    member<Rotation>("created_at", &Rotation::created_at, Presence::required),
                    member<Rotation>("grace_seconds", &Rotation::grace),
                    member<Rotation>("expires_at", &Rotation::expires_at, Presence::sparse),
                    member_as<Settable<RotationStep, Named<RotationStep, parse_rotation_step>>>(
                        "step", &Rotation::step, Presence::sparse));

constexpr auto kRevocation =
    std::make_tuple(member<Revocation>("ids", &Revocation::ids, Presence::required),
                    member_as<OptionalText>("reason", &Revocation::reason, Presence::sparse));

constexpr auto kPurge =
    std::make_tuple(member<Purge>("ids", &Purge::ids, Presence::required),
                    member<Purge>("ended_before", &Purge::ended_before, Presence::required),
                    member_as<OptionalText>("workspace", &Purge::workspace, Presence::sparse),
                    member<Purge>("dry_run", &Purge::dry_run));

constexpr auto kWhitelist =
    std::make_tuple(member<Key>("key_id", &Key::id), member<Key>("whitelist", &Key::whitelist));

constexpr auto kOwnKey =
    std::make_tuple(member<Key>("id", &Key::id), member<Key>("scopes", &Key::scopes),
                    computed<Named<KeyStatus, parse_status>>(
                        "status", [](const Key& key, Time now) { return key.status(now); }),
                    member<Key>("expires_at", &Key::expires_at));

}  // namespace

std::vector<ShapeSchema> key_schemas() {
  return {schema_of("Key", kKeyMembers),        schema_of("NewKey", kNewKeyMembers),
          schema_of("KeyChange", kChange),      schema_of("Rotation", kRotation),
          schema_of("Revocation", kRevocation), schema_of("Purge", kPurge),
          schema_of("OwnKey", kOwnKey)};
}

}  // namespace shape

void write_key(JsonWriter& json, const Key& key, Time now) {
  shape::write_object(json, key, shape::kKeyMembers, now);
}

void write_key_record(JsonWriter& json, const Key& key, Time now) {
  shape::write_object(json, key, shape::kKeyRecordMembers, now);
}

std::pair<std::string, std::string> write_key_differences(const Key& one, const Key& other) {
  return shape::write_differences(one, other, shape::kKeyMembers);
}

Result<Key> read_key(const Json& json, Unknown unknown) {
  auto key = shape::read_object<Key>(json, "a key", shape::kKeyRecordMembers, unknown);
  if (!key) {
    return key;
  }
  if (!json.contains("name")) {
    key->name = key->id.to_string();
  }
  key->is_damaged = std::ranges::any_of(key->damage, is_rule);
  for (const std::string& column : key->damage) {
    if (const auto checked = check_description(column); !checked) {
      return tl::unexpected(checked.error());
    }
  }
  return check_key(*key).map([&] { return *std::move(key); });
}

void write_own_key(JsonWriter& json, const Key& key, Time now) {
  shape::write_object(json, key, shape::kOwnKey, now);
}

void write_whitelist(JsonWriter& json, const Key& key) {
  shape::write_object(json, key, shape::kWhitelist);
}

void write_change(JsonWriter& json, const KeyChange& change) {
  shape::write_object(json, change, shape::kChange);
}

Result<KeyChange> read_change(const Json& json) {
  auto change = shape::read_object<KeyChange>(json, "a change", shape::kChange, Unknown::refused);
  if (!change) {
    return change;
  }
  if (change->name) {
    if (const auto checked = check_name(*change->name); !checked) {
      return tl::unexpected(checked.error());
    }
  }
  return check_description(change->description.value_or("")).map([&] {
    return *std::move(change);
  });
}

void write_rotation(JsonWriter& json, const Rotation& rotation) {
  shape::write_object(json, rotation, shape::kRotation);
}

Result<Rotation> read_rotation(const Json& json) {
  auto rotation =
      shape::read_object<Rotation>(json, "a rotation", shape::kRotation, Unknown::refused);
  return rotation.and_then(
      [&](const Rotation& read) { return check_rotation(read).map([&] { return read; }); });
}

void write_revocation(JsonWriter& json, const Revocation& revocation) {
  shape::write_object(json, revocation, shape::kRevocation);
}

Result<Revocation> read_revocation(const Json& json) {
  auto revocation =
      shape::read_object<Revocation>(json, "a revocation", shape::kRevocation, Unknown::refused);
  return revocation.and_then([](const Revocation& read) {
    return check_description(read.reason).map([&] { return read; });
  });
}

void write_purge(JsonWriter& json, const Purge& purge) {
  shape::write_object(json, purge, shape::kPurge);
}

Result<Purge> read_purge(const Json& json) {
  return shape::read_object<Purge>(json, "a purge", shape::kPurge, Unknown::refused);
}

std::string labels_to_json(const Labels& labels) {
  std::string text;
  JsonWriter json(text);
  shape::Codec<Labels>::write(json, labels);
  return text;
}

Result<Labels> labels_from_json(std::string_view text) {
  const auto json = parse_json(text);
  return json ? shape::Codec<Labels>::read_unchecked(*json, "labels")
              : Result<Labels>(tl::unexpected(json.error()));
}

}  // namespace nexakey::core
