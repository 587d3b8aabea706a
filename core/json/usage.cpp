#include "core/json/shape.h"

namespace nexakey::core {
namespace shape {
namespace {

constexpr auto kCounts = std::make_tuple(
    member<Counts>("requests", &Counts::requests),
    computed<Codec<std::uint64_t>>("errors", [](const Counts& c) { return c.errors(); }),
    member<Counts>("rate_limited", &Counts::rate_limited),
    member<Counts>("denied", &Counts::denied),
    member<Counts>("upstream_errors", &Counts::upstream_errors));
using CountsCodec = Object<Counts, kCounts>;

constexpr auto kReport = std::make_tuple(
    member_as<CountsCodec>("today", &UsageReport::today, Presence::required),
    member_as<CountsCodec>("this_week", &UsageReport::this_week, Presence::required),
    member_as<CountsCodec>("this_month", &UsageReport::this_month, Presence::required),
    member<UsageReport>("since", &UsageReport::since),
    member_as<CountsCodec>("total", &UsageReport::total, Presence::required),
    computed<Real>("error_rate", [](const UsageReport& report) { return report.error_rate(); }),
    computed<Codec<std::uint64_t>>(
        "rate_limit_hits", [](const UsageReport& report) { return report.total.rate_limited; }));

/// The groups of a report: a list of counts, each with the name of its group in the member of the
/// grouping.
Result<std::map<std::string, Counts>> read_groups(const Json& list, const std::string& by) {
  std::map<std::string, Counts> groups;
  if (!list.is_array()) {
    return wrong_type("by_" + by, "an array");
  }
  for (const Json& element : list) {
    auto counts = read_object<Counts>(element, "a group", kCounts, Unknown::ignored);
    auto name = counts ? read_string(element.value(by, Json("")), by)
                       : Result<std::string>(tl::unexpected(counts.error()));
    if (!name) {
      return tl::unexpected(std::move(name.error()));
    }
    groups[*name] = *counts;
  }
  return groups;
}

}  // namespace

std::vector<ShapeSchema> usage_schemas() {
  ShapeSchema report = schema_of("Usage", kReport);
  report.members.push_back(
      {.name = "key_id", .type = Codec<std::optional<KeyId>>::schema(), .is_always_written = true});
  for (const std::string_view list : {"by_endpoint", "by_day", "by_hour", "by_status"}) {
    report.members.push_back({.name = list, .type = {.type = "array"}});
  }
  return {schema_of("Counts", kCounts), std::move(report)};
}

}  // namespace shape

void write_usage(JsonWriter& json, const std::optional<KeyId>& key, const UsageReport& report) {
  json.begin_object();
  shape::Codec<std::optional<KeyId>>::write(json.name("key_id"), key);
  shape::write_members(json, report, shape::kReport);
  const std::string by(name_of(report.by));
  json.name("by_" + by).begin_array();
  for (const auto& [group, counts] : report.groups) {
    json.begin_object().name(by).string(group);
    shape::write_members(json, counts, shape::kCounts);
    json.end_object();
  }
  json.end_array().end_object();
}

Result<UsageReport> read_usage(const Json& json, Grouping by) {
  auto report = shape::read_object<UsageReport>(json, "a report", shape::kReport, Unknown::ignored);
  if (!report) {
    return report;
  }
  report->by = by;
  const std::string name(name_of(by));
  if (const auto list = json.find("by_" + name); list != json.end() && !list->is_null()) {
    auto groups = shape::read_groups(*list, name);
    if (!groups) {
      return tl::unexpected(std::move(groups.error()));
    }
    report->groups = *std::move(groups);
  }
  return report;
}

}  // namespace nexakey::core
