#include "core/query.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "core/key_filter_fields.h"
#include "core/text.h"

namespace nexakey::core {
namespace {

bool is_unreserved(char c) {
  return is_alphanumeric(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

/// The value of two hexadecimal digits.
std::optional<std::uint8_t> parse_byte(std::string_view digits) {
  std::uint8_t byte = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), byte, 16);
  return digits.size() == 2 && error == std::errc() && end == digits.data() + 2
             ? std::optional(byte)
             : std::nullopt;
}

using Values = std::vector<std::string>;

tl::unexpected<Error> twice(std::string_view name) {
  return reject("the parameter " + std::string(name) + " is given twice");
}

/// Writes the conditions that are set.
template <typename Filter, typename Fields>
void add_fields(Query& query, const Filter& filter, const Fields& fields) {
  for (const auto& field : fields) {
    for (std::string& value : field.values(filter)) {
      query.add(field.name, std::move(value));
    }
  }
}

/// Takes each condition that is present.
template <typename Filter, typename Fields>
Result<Filter> take_fields(Query& query, const Fields& fields) {
  Filter filter;
  for (const auto& field : fields) {
    const std::vector<std::string> values = query.take_all(field.name);
    if (values.size() > 1 && !field.is_list) {
      return twice(field.name);
    }
    for (const std::string& value : values) {
      if (auto read = field.read(filter, value); !read) {
        return tl::unexpected(std::move(read.error()));
      }
    }
  }
  return filter;
}

/// Conditions that several filters have.
template <typename Filter>
constexpr FilterField<Filter> workspace_field() {
  return {
      "workspace", false,
      [](Filter& filter, const std::string& text) {
        return set(filter.workspace, check_workspace(text).map([&] { return text; }));
      },
      [](const Filter& filter) { return filter.workspace ? Values{*filter.workspace} : Values(); }};
}

template <typename Filter, std::optional<Time> Filter::*kMember>
constexpr FilterField<Filter> time_field(std::string_view name) {
  return {name, false,
          [](Filter& filter, const std::string& text) {
            return set(filter.*kMember, parse_time(text));
          },
          [](const Filter& filter) {
            return filter.*kMember ? Values{format_time(*(filter.*kMember))} : Values();
          }};
}

Result<KeyId> parse_id(const std::string& text) {
  const auto id = KeyId::parse(text);
  return id ? Result<KeyId>(*id) : reject(quote(text) + " is not a key id");
}

Result<std::uint32_t> parse_top(const std::string& text, std::uint32_t max) {
  const auto top = parse_whole<std::uint32_t>(text);
  return top && *top > 0 && *top <= max
             ? Result<std::uint32_t>(*top)
             : reject(quote(text) + " is not a number from 1 to " + std::to_string(max));
}

template <typename Filter>
constexpr FilterField<Filter> key_field() {
  return {
      "key", false,
      [](Filter& filter, const std::string& text) { return set(filter.key, parse_id(text)); },
      [](const Filter& filter) { return filter.key ? Values{filter.key->to_string()} : Values(); }};
}

constexpr std::array<FilterField<UsageQuery>, 6> kUsageFields{{
    key_field<UsageQuery>(),
    workspace_field<UsageQuery>(),
    time_field<UsageQuery, &UsageQuery::since>("since"),
    {"by", false,
     [](UsageQuery& usage, const std::string& text) -> Result<void> {
       return parse_grouping(text).map([&](Grouping by) { usage.by = by; });
     },
     [](const UsageQuery& usage) { return Values{std::string(name_of(usage.by))}; }},
    {"sort", false,
     [](UsageQuery& usage, const std::string& text) {
       return set(usage.sort, parse_usage_order(text));
     },
     [](const UsageQuery& usage) {
       return usage.sort ? Values{std::string(name_of(*usage.sort))} : Values();
     }},
    {"top", false,
     [](UsageQuery& usage, const std::string& text) {
       return set(usage.top, parse_top(text, kMaxTop));
     },
     [](const UsageQuery& usage) {
       return usage.top ? Values{std::to_string(*usage.top)} : Values();
     }},
}};

Result<void> read_above(PeakQuery& peaks, const std::string& text) {
  return parse_rate_limit(text).and_then([&](const LimitChange& limit) -> Result<void> {
    if (!limit.requests) {
      return reject(quote(text) + " is not a limit");
    }
    peaks.above.push_back({.window = limit.window, .requests = *limit.requests});
    return {};
  });
}

Values above_values(const PeakQuery& peaks) {
  Values values;
  for (const Limit& limit : peaks.above) {
    values.push_back(text_of(limit));
  }
  return values;
}

constexpr std::array<FilterField<PeakQuery>, 5> kPeakFields{{
    key_field<PeakQuery>(),
    workspace_field<PeakQuery>(),
    time_field<PeakQuery, &PeakQuery::since>("since"),
    {"top", false,
     [](PeakQuery& peaks, const std::string& text) {
       return parse_top(text, kMaxTopPeaks).map([&](std::uint32_t top) { peaks.top = top; });
     },
     [](const PeakQuery& peaks) { return Values{std::to_string(peaks.top)}; }},
    {"above", true, read_above, above_values},
}};

Result<AuditAction> read_action(const std::string& text) {
  const auto action = parse_audit_action(text);
  return action ? Result<AuditAction>(*action) : reject("unknown action " + quote(text));
}

Result<void> read_after(AuditFilter& filter, const std::string& text) {
  const auto after = parse_whole<std::int64_t>(text);
  if (!after || *after < 0) {
    return reject(quote(text) + " is not an entry number");
  }
  filter.after = *after;
  return {};
}

Result<void> read_last(AuditFilter& filter, const std::string& text) {
  const auto last = parse_whole<std::size_t>(text);
  if (!last || *last == 0) {
    return reject("the parameter last must be a number of entries, at least 1");
  }
  filter.last = last;
  return {};
}

constexpr std::array<FilterField<AuditFilter>, 8> kAuditFields{{
    {"subject", true,
     [](AuditFilter& filter, const std::string& text) -> Result<void> {
       filter.subjects.push_back(text);
       return {};
     },
     [](const AuditFilter& filter) { return filter.subjects; }},
    {"actor", false,
     [](AuditFilter& filter, const std::string& text) {
       return set(filter.actor, check_description(text).map([&] { return text; }));
     },
     [](const AuditFilter& filter) { return filter.actor ? Values{*filter.actor} : Values(); }},
    {"action", false,
     [](AuditFilter& filter, const std::string& text) {
       return set(filter.action, read_action(text));
     },
     [](const AuditFilter& filter) {
       return filter.action ? Values{std::string(name_of(*filter.action))} : Values();
     }},
    workspace_field<AuditFilter>(),
    time_field<AuditFilter, &AuditFilter::since>("since"),
    time_field<AuditFilter, &AuditFilter::until>("until"),
    {"after", false, read_after,
     [](const AuditFilter& filter) {
       return filter.after != 0 ? Values{std::to_string(filter.after)} : Values();
     }},
    {"last", false, read_last,
     [](const AuditFilter& filter) {
       return filter.last ? Values{std::to_string(*filter.last)} : Values();
     }},
}};

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
    return twice(name);
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
  add_fields(query, filter, key_filter_fields());
}

Result<KeyFilter> take_filter(Query& query) {
  return take_fields<KeyFilter>(query, key_filter_fields());
}

void add_usage_query(Query& query, const UsageQuery& usage) {
  add_fields(query, usage, kUsageFields);
}

Result<UsageQuery> take_usage_query(Query& query) {
  return take_fields<UsageQuery>(query, kUsageFields);
}

void add_peak_query(Query& query, const PeakQuery& peaks) { add_fields(query, peaks, kPeakFields); }

Result<PeakQuery> take_peak_query(Query& query) {
  return take_fields<PeakQuery>(query, kPeakFields);
}

void add_audit_filter(Query& query, const AuditFilter& filter) {
  add_fields(query, filter, kAuditFields);
}

Result<AuditFilter> take_audit_filter(Query& query) {
  return take_fields<AuditFilter>(query, kAuditFields);
}

Result<std::optional<std::uint64_t>> take_number(Query& query, std::string_view name,
                                                 std::uint64_t min, std::uint64_t max) {
  const auto text = query.take(name);
  if (!text) {
    return tl::unexpected(text.error());
  }
  if (!*text) {
    return std::nullopt;
  }
  const auto value = parse_whole<std::uint64_t>(**text);
  if (!value || *value < min || *value > max) {
    return reject("the parameter " + std::string(name) + " must be a number from " +
                  std::to_string(min) + " to " + std::to_string(max));
  }
  return value;
}

Result<bool> take_flag(Query& query, std::string_view name) {
  const auto text = query.take(name);
  if (!text) {
    return tl::unexpected(text.error());
  }
  const std::string value = text->value_or("false");
  return value == "true" || value == "false" ? Result<bool>(value == "true")
                                             : reject(quote(value) + " must be true or false");
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
