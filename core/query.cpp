#include "core/query.h"

#include <algorithm>
#include <charconv>

#include "core/text.h"

namespace nexakey::core {
namespace {

bool is_unreserved(char c) {
  return is_alphanumeric(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

std::string percent_encode(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    if (is_unreserved(c)) {
      encoded += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      encoded += {'%', kHex[byte >> 4U], kHex[byte & 15U]};
    }
  }
  return encoded;
}

/// The value of two hexadecimal digits.
std::optional<std::uint8_t> parse_byte(std::string_view digits) {
  std::uint8_t byte = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), byte, 16);
  return digits.size() == 2 && error == std::errc() && end == digits.data() + 2
             ? std::optional(byte)
             : std::nullopt;
}

/// Takes a parameter and has `parse` make a value of it.
template <typename T, typename Parse>
Result<void> take_parsed(Query& query, std::string_view name, std::optional<T>& value,
                         const Parse& parse) {
  return query.take(name).and_then([&](const std::optional<std::string>& text) -> Result<void> {
    if (!text) {
      return {};
    }
    Result<T> parsed = parse(*text);
    if (!parsed) {
      return tl::unexpected(std::move(parsed.error()));
    }
    value = *std::move(parsed);
    return {};
  });
}

Result<void> take_text(Query& query, std::string_view name, std::optional<std::string>& value,
                       Result<void> (*check)(std::string_view)) {
  return take_parsed(query, name, value, [&](const std::string& text) {
    return check(text).map([&] { return text; });
  });
}

/// Of an id or a beginning of one.
Result<KeyIdRange> parse_ids(std::string_view text) {
  const auto ids = KeyIdRange::parse(text);
  return ids ? Result<KeyIdRange>(*ids) : reject(quote(text) + " is not a key id");
}

/// The ids from one to another, as `first-last`.
std::string ids_to_text(const KeyIdRange& ids) {
  return ids.first == ids.last ? ids.first.to_string()
                               : ids.first.to_string() + "-" + ids.last.to_string();
}

Result<KeyIdRange> ids_from_text(const std::string& text) {
  const std::size_t dash = text.find('-');
  if (dash == std::string::npos) {
    return parse_ids(text);
  }
  const auto first = KeyId::parse(std::string_view(text).substr(0, dash));
  const auto last = KeyId::parse(std::string_view(text).substr(dash + 1));
  return first && last ? Result<KeyIdRange>(KeyIdRange{*first, *last})
                       : reject(quote(text) + " is not a range of key ids");
}

Result<KeyStatus> read_status(const std::string& text) {
  const auto status = parse_status(text);
  return status ? Result<KeyStatus>(*status) : reject("unknown status " + quote(text));
}

Result<AuditAction> read_action(const std::string& text) {
  const auto action = parse_audit_action(text);
  return action ? Result<AuditAction>(*action) : reject("unknown action " + quote(text));
}

Result<std::int64_t> parse_entry_number(const std::string& text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && number >= 0
             ? Result<std::int64_t>(number)
             : reject(quote(text) + " is not an entry number");
}

Result<bool> parse_flag(const std::string& text) {
  return text == "true" || text == "false" ? Result<bool>(text == "true")
                                           : reject(quote(text) + " must be true or false");
}

}  // namespace

Result<Query> Query::parse(std::string_view text) {
  Query query;
  for (const std::string_view part : split(text, '&')) {
    if (part.empty()) {
      continue;
    }
    const std::size_t equals = std::min(part.find('='), part.size());
    const auto name = percent_decode(part.substr(0, equals));
    const auto value = percent_decode(part.substr(std::min(equals + 1, part.size())));
    if (!name || !value) {
      return reject("the query has an invalid percent-encoding");
    }
    query.add(*name, *value);
  }
  return query;
}

void Query::add(std::string_view name, std::string value) {
  parameters_.emplace_back(name, std::move(value));
}

std::string Query::to_string() const {
  std::string text;
  for (const auto& [name, value] : parameters_) {
    text += (text.empty() ? "" : "&") + percent_encode(name) + "=" + percent_encode(value);
  }
  return text;
}

Result<std::optional<std::string>> Query::take(std::string_view name) {
  auto values = take_all(name);
  if (values.size() > 1) {
    return reject("the parameter " + std::string(name) + " is given twice");
  }
  return values.empty() ? std::nullopt : std::optional(std::move(values.front()));
}

std::vector<std::string> Query::take_all(std::string_view name) {
  std::vector<std::string> values;
  std::erase_if(parameters_, [&](auto& parameter) {
    if (parameter.first != name) {
      return false;
    }
    values.push_back(std::move(parameter.second));
    return true;
  });
  return values;
}

Result<void> Query::check_taken() const {
  return parameters_.empty() ? Result<void>()
                             : reject("unknown parameter " + quote(parameters_.front().first));
}

void add_filter(Query& query, const KeyFilter& filter) {
  const auto add = [&](std::string_view name, const std::optional<std::string>& value) {
    if (value) {
      query.add(name, *value);
    }
  };
  const auto add_time = [&](std::string_view name, const std::optional<Time>& time) {
    if (time) {
      query.add(name, format_time(*time));
    }
  };
  add("workspace", filter.workspace);
  if (filter.ids) {
    query.add("id", ids_to_text(*filter.ids));
  }
  if (filter.hash) {
    query.add("hash", to_hex(*filter.hash));
  }
  add("name", filter.name);
  add("pattern", filter.pattern);
  if (filter.status) {
    query.add("status", std::string(name_of(*filter.status)));
  }
  if (filter.scopes) {
    query.add("scope", join(filter.scopes->names(), ","));
  }
  for (const auto& [name, value] : filter.labels) {
    query.add("label", name + (value.empty() ? "" : "=" + value));
  }
  add_time("expires_before", filter.expires_before);
  add_time("unused_since", filter.unused_since);
  add_time("created_before", filter.created_before);
  if (filter.newest_of_line) {
    query.add("newest_of_line", "true");
  }
}

Result<KeyFilter> take_filter(Query& query) {
  KeyFilter filter;
  const auto take_time_into = [&](std::string_view name, std::optional<Time>& time) {
    return take_parsed(query, name, time, [](const std::string& text) { return parse_time(text); });
  };
  return take_text(query, "workspace", filter.workspace, check_workspace)
      .and_then([&] { return take_parsed(query, "id", filter.ids, ids_from_text); })
      .and_then([&] {
        return take_parsed(query, "hash", filter.hash,
                           [](const std::string& text) -> Result<CredentialHash> {
                             const auto hash = hash_from_hex(text);
                             return hash ? Result<CredentialHash>(*hash)
                                         : reject("a hash must have 64 hexadecimal digits");
                           });
      })
      .and_then([&] {
        // Not check_name: a key without a name of its own has its id for one.
        return take_text(query, "name", filter.name, check_description);
      })
      .and_then([&] { return take_text(query, "pattern", filter.pattern, check_pattern); })
      .and_then([&] { return take_parsed(query, "status", filter.status, read_status); })
      .and_then([&] {
        return take_parsed(query, "scope", filter.scopes,
                           [](const std::string& text) { return Scopes::parse({text}); });
      })
      .and_then([&] { return parse_wanted_labels(query.take_all("label")); })
      .map([&](Labels labels) { filter.labels = std::move(labels); })
      .and_then([&] { return take_time_into("expires_before", filter.expires_before); })
      .and_then([&] { return take_time_into("unused_since", filter.unused_since); })
      .and_then([&] { return take_time_into("created_before", filter.created_before); })
      .and_then([&] { return take_flag(query, "newest_of_line"); })
      .map([&](bool newest) {
        filter.newest_of_line = newest;
        return filter;
      });
}

void add_usage_query(Query& query, const UsageQuery& usage) {
  if (usage.key) {
    query.add("key", usage.key->to_string());
  }
  if (usage.workspace) {
    query.add("workspace", *usage.workspace);
  }
  if (usage.since) {
    query.add("since", format_time(*usage.since));
  }
  query.add("by", std::string(name_of(usage.by)));
}

Result<UsageQuery> take_usage_query(Query& query) {
  UsageQuery usage;
  std::optional<Grouping> by;
  return take_parsed(query, "key", usage.key,
                     [](const std::string& text) -> Result<KeyId> {
                       const auto id = KeyId::parse(text);
                       return id ? Result<KeyId>(*id) : reject(quote(text) + " is not a key id");
                     })
      .and_then([&] { return take_text(query, "workspace", usage.workspace, check_workspace); })
      .and_then([&] { return take_time(query, "since"); })
      .and_then([&](const std::optional<Time>& since) {
        usage.since = since;
        return take_parsed(query, "by", by, parse_grouping);
      })
      .map([&] {
        usage.by = by.value_or(Grouping::endpoint);
        return usage;
      });
}

void add_audit_filter(Query& query, const AuditFilter& filter) {
  const auto add = [&](std::string_view name, const std::optional<std::string>& value) {
    if (value) {
      query.add(name, *value);
    }
  };
  const auto add_time = [&](std::string_view name, const std::optional<Time>& time) {
    if (time) {
      query.add(name, format_time(*time));
    }
  };
  for (const std::string& subject : filter.subjects) {
    query.add("subject", subject);
  }
  add("actor", filter.actor);
  if (filter.action) {
    query.add("action", std::string(name_of(*filter.action)));
  }
  add("workspace", filter.workspace);
  add_time("since", filter.since);
  add_time("until", filter.until);
  if (filter.after != 0) {
    query.add("after", std::to_string(filter.after));
  }
}

Result<AuditFilter> take_audit_filter(Query& query) {
  AuditFilter filter;
  std::optional<std::int64_t> after;
  filter.subjects = query.take_all("subject");
  return take_text(query, "actor", filter.actor, check_description)
      .and_then([&] { return take_parsed(query, "action", filter.action, read_action); })
      .and_then([&] { return take_text(query, "workspace", filter.workspace, check_workspace); })
      .and_then([&] { return take_time(query, "since"); })
      .and_then([&](const std::optional<Time>& since) {
        filter.since = since;
        return take_time(query, "until");
      })
      .and_then([&](const std::optional<Time>& until) {
        filter.until = until;
        return take_parsed(query, "after", after, parse_entry_number);
      })
      .map([&] {
        filter.after = after.value_or(0);
        return filter;
      });
}

Result<std::optional<Time>> take_time(Query& query, std::string_view name) {
  std::optional<Time> time;
  return take_parsed(query, name, time, [](const std::string& text) { return parse_time(text); })
      .map([&] { return time; });
}

Result<std::optional<std::uint64_t>> take_number(Query& query, std::string_view name,
                                                 std::uint64_t smallest, std::uint64_t largest) {
  std::optional<std::uint64_t> number;
  return take_parsed(
             query, name, number,
             [&](const std::string& text) -> Result<std::uint64_t> {
               std::uint64_t value = 0;
               const char* const end = text.data() + text.size();
               const auto [parsed, error] = std::from_chars(text.data(), end, value);
               if (error != std::errc() || parsed != end || value < smallest || value > largest) {
                 return reject("the parameter " + std::string(name) + " is a number from " +
                               std::to_string(smallest) + " to " + std::to_string(largest));
               }
               return value;
             })
      .map([&] { return number; });
}

Result<bool> take_flag(Query& query, std::string_view name) {
  std::optional<bool> flag;
  return take_parsed(query, name, flag, parse_flag).map([&] { return flag.value_or(false); });
}

std::optional<std::string> percent_decode(std::string_view text) {
  std::string decoded;
  while (!text.empty()) {
    if (text.front() != '%') {
      decoded += text.front();
      text.remove_prefix(1);
      continue;
    }
    const auto byte = parse_byte(text.substr(1, 2));
    if (!byte) {
      return std::nullopt;
    }
    decoded += static_cast<char>(*byte);
    text.remove_prefix(3);
  }
  return decoded;
}

}  // namespace nexakey::core
