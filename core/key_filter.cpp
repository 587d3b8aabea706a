#include <algorithm>
#include <array>

#include <fnmatch.h>

#include "core/key_filter_fields.h"
#include "core/text.h"

namespace nexakey::core {
namespace {

using Values = std::vector<std::string>;

/// A condition on a text, which `kCheck` checks.
template <std::optional<std::string> KeyFilter::*kMember, Result<void> (*kCheck)(std::string_view)>
Result<void> read_text(KeyFilter& filter, const std::string& text) {
  return set(filter.*kMember, kCheck(text).map([&] { return text; }));
}

template <std::optional<std::string> KeyFilter::*kMember>
Values text_values(const KeyFilter& filter) {
  return filter.*kMember ? Values{*(filter.*kMember)} : Values();
}

/// A condition on a time.
template <std::optional<Time> KeyFilter::*kMember>
Result<void> read_time(KeyFilter& filter, const std::string& text) {
  return set(filter.*kMember, parse_time(text));
}

template <std::optional<Time> KeyFilter::*kMember>
Values time_values(const KeyFilter& filter) {
  return filter.*kMember ? Values{format_time(*(filter.*kMember))} : Values();
}

/// The same as an option, whose value is a duration: `kSign` times it, counted from now.
template <std::optional<Time> KeyFilter::*kMember, int kSign>
Result<void> read_duration(KeyFilter& filter, const std::string& text, Time now) {
  return set(filter.*kMember, parse_duration(text).map([&](std::chrono::seconds duration) {
    return add(now, kSign * duration);
  }));
}

/// An id, the beginning of one, or `first-last`.
Result<KeyIdRange> parse_ids(const std::string& text) {
  const std::size_t dash = text.find('-');
  if (dash == std::string::npos) {
    const auto ids = KeyIdRange::parse(text);
    return ids ? Result<KeyIdRange>(*ids) : reject(quote(text) + " is not a key id");
  }
  const auto first = KeyId::parse(std::string_view(text).substr(0, dash));
  const auto last = KeyId::parse(std::string_view(text).substr(dash + 1));
  return first && last ? Result<KeyIdRange>(KeyIdRange{*first, *last})
                       : reject(quote(text) + " is not a range of key ids");
}

Values id_values(const KeyFilter& filter) {
  if (!filter.ids) {
    return {};
  }
  const auto& [first, last] = *filter.ids;
  return {first == last ? first.to_string() : first.to_string() + "-" + last.to_string()};
}

Result<KeyHash> parse_hash(const std::string& text) {
  const auto hash = hash_from_hex(text);
  return hash ? Result<KeyHash>(*hash) : reject("a hash must have 64 hexadecimal digits");
}

Result<KeyStatus> read_status(const std::string& text) {
  const auto status = parse_status(text);
  return status ? Result<KeyStatus>(*status)
                : reject("unknown status " + quote(text),
                         "use active, suspended, expired, revoked or damaged");
}

/// The option takes `all` for keys of any status.
Result<void> read_status_option(KeyFilter& filter, const std::string& text, Time /*now*/) {
  if (text == "all") {
    filter.status.reset();
    return {};
  }
  return set(filter.status, read_status(text).map_error([](Error error) {
    error.hint = "use active, suspended, expired, revoked, damaged or all";
    return error;
  }));
}

Result<void> read_scopes(KeyFilter& filter, const std::string& text) {
  return set(filter.scopes, Scopes::parse({text}).map([&](Scopes scopes) {
    return Scopes(scopes.bits() | filter.scopes.value_or(Scopes()).bits());
  }));
}

Result<void> read_label(KeyFilter& filter, const std::string& text) {
  return parse_wanted_labels({text}).map([&](Labels labels) {
    filter.labels.insert_or_assign(labels.begin()->first, labels.begin()->second);
  });
}

Values label_values(const KeyFilter& filter) {
  Values values;
  for (const auto& [name, value] : filter.labels) {
    values.push_back(name + (value.empty() ? "" : "=" + value));
  }
  return values;
}

/// Damaged keys are listed among the active ones, so that they are noticed.
bool has_status(const KeyFilter& filter, const Key& key, Time now) {
  const KeyStatus status = key.status(now);
  return !filter.status || status == *filter.status ||
         (status == KeyStatus::damaged && filter.status == KeyStatus::active);
}

bool has_labels(const KeyFilter& filter, const Key& key, Time /*now*/) {
  return std::ranges::all_of(filter.labels, [&](const auto& label) {
    const auto found = key.labels.find(label.first);
    return found != key.labels.end() && (label.second.empty() || found->second == label.second);
  });
}

/// A condition that is not negated: true, or false for any key.
template <bool KeyFilter::*kMember>
Result<void> read_flag(KeyFilter& filter, const std::string& text) {
  filter.*kMember = text == "true";
  return text == "true" || text == "false" ? Result<void>()
                                           : reject(quote(text) + " must be true or false");
}

template <bool KeyFilter::*kMember>
Values flag_values(const KeyFilter& filter) {
  return filter.*kMember ? Values{"true"} : Values();
}

constexpr std::array<KeyFilterField, 15> kFields{{
    {{"workspace", false, read_text<&KeyFilter::workspace, check_workspace>,
      text_values<&KeyFilter::workspace>},
     [](const KeyFilter& f, const Key& key, Time) {
       return !f.workspace || key.workspace == *f.workspace;
     }},
    {{"id", false,
      [](KeyFilter& f, const std::string& text) { return set(f.ids, parse_ids(text)); }, id_values},
     [](const KeyFilter& f, const Key& key, Time) { return !f.ids || f.ids->contains(key.id); }},
    {{"hash", false,
      [](KeyFilter& f, const std::string& text) { return set(f.hash, parse_hash(text)); },
      [](const KeyFilter& f) { return f.hash ? Values{to_hex(*f.hash)} : Values(); }},
     [](const KeyFilter& f, const Key& key, Time) { return !f.hash || key.hash == *f.hash; }},
    // Not check_name: the name of an unnamed key is its id.
    {{"name", false, read_text<&KeyFilter::name, check_description>, text_values<&KeyFilter::name>},
     [](const KeyFilter& f, const Key& key, Time) { return !f.name || key.name == *f.name; }},
    {{"status", false,
      [](KeyFilter& f, const std::string& text) { return set(f.status, read_status(text)); },
      [](const KeyFilter& f) {
        return f.status ? Values{std::string(name_of(*f.status))} : Values();
      }},
     has_status,
     {"--status", "active|suspended|expired|revoked|damaged|all",
      "Keys in this state (default: active)", false, read_status_option}},
    {{"scope", false, read_scopes,
      [](const KeyFilter& f) {
        return f.scopes ? Values{join(f.scopes->names(), ",")} : Values();
      }},
     [](const KeyFilter& f, const Key& key, Time) {
       return !f.scopes || key.scopes.has_all(*f.scopes);
     },
     {"--scope", "read|write", "Keys with this scope", true}},
    {{"pattern", false, read_text<&KeyFilter::pattern, check_pattern>,
      text_values<&KeyFilter::pattern>},
     [](const KeyFilter& f, const Key& key, Time) {
       return !f.pattern || fnmatch(f.pattern->c_str(), key.name.c_str(), 0) == 0;
     },
     {"--name", "GLOB", "Keys whose name matches a pattern such as 'crm-*'"}},
    {{"label", true, read_label, label_values},
     has_labels,
     {"--label", "NAME[=VALUE]", "Keys with this label", true}},
    {{"expires_before", false, read_time<&KeyFilter::expires_before>,
      time_values<&KeyFilter::expires_before>},
     [](const KeyFilter& f, const Key& key, Time now) {
       return !f.expires_before ||
              (key.expires_at && *key.expires_at > now && *key.expires_at <= *f.expires_before);
     },
     {"--expires-within", "DURATION", "Keys that expire within this time", false,
      read_duration<&KeyFilter::expires_before, 1>}},
    {{"unused_since", false, read_time<&KeyFilter::unused_since>,
      time_values<&KeyFilter::unused_since>},
     [](const KeyFilter& f, const Key& key, Time) {
       return !f.unused_since || (key.created_at < *f.unused_since &&
                                  (!key.last_use.at || *key.last_use.at < *f.unused_since));
     },
     {"--unused-for", "DURATION", "Keys that were not used for this time", false,
      read_duration<&KeyFilter::unused_since, -1>}},
    {{"created_before", false, read_time<&KeyFilter::created_before>,
      time_values<&KeyFilter::created_before>},
     [](const KeyFilter& f, const Key& key, Time) {
       return !f.created_before || key.created_at < *f.created_before;
     },
     {"--older-than", "DURATION", "Keys that were created longer ago than this", false,
      read_duration<&KeyFilter::created_before, -1>}},
    {{"ended_before", false, read_time<&KeyFilter::ended_before>,
      time_values<&KeyFilter::ended_before>},
     [](const KeyFilter& f, const Key& key, Time now) {
       const auto ended_at = key.ended_at(now);
       return !f.ended_before || (ended_at && *ended_at < *f.ended_before);
     }},
    {{"newest_of_line", false, read_flag<&KeyFilter::newest_of_line>,
      flag_values<&KeyFilter::newest_of_line>},
     [](const KeyFilter& f, const Key& key, Time) {
       return !f.newest_of_line || (!key.superseded_by && !key.unconfirmed);
     }},
    {{"superseded", false, read_flag<&KeyFilter::superseded>, flag_values<&KeyFilter::superseded>},
     [](const KeyFilter& f, const Key& key, Time) {
       return !f.superseded || key.superseded_by.has_value();
     },
     {"--superseded", "", "Keys that a rotation has superseded"}},
    {{"unconfirmed", false, read_flag<&KeyFilter::unconfirmed>,
      flag_values<&KeyFilter::unconfirmed>},
     [](const KeyFilter& f, const Key& key, Time) { return !f.unconfirmed || key.unconfirmed; },
     {"--unconfirmed", "", "Keys of rotations that were not confirmed"}},
}};

}  // namespace

std::span<const KeyFilterField> key_filter_fields() { return kFields; }

bool KeyFilter::matches(const Key& key, Time now) const {
  return std::ranges::all_of(
      kFields, [&](const KeyFilterField& field) { return field.matches(*this, key, now); });
}

Result<Labels> parse_wanted_labels(const std::vector<std::string>& texts) {
  Labels labels;
  for (const std::string& text : texts) {
    const std::size_t equals = text.find('=');
    labels[text.substr(0, equals)] = equals == std::string::npos ? "" : text.substr(equals + 1);
  }
  return check_labels(labels).map([&] { return std::move(labels); });
}

Result<void> check_pattern(std::string_view pattern) {
  constexpr std::size_t kMaxPatternLength = 256;
  constexpr std::ptrdiff_t kMaxStars = 8;
  if (pattern.size() > kMaxPatternLength || std::ranges::count(pattern, '*') > kMaxStars) {
    return reject("the pattern is longer than 256 bytes or has more than 8 *");
  }
  return {};
}

}  // namespace nexakey::core
