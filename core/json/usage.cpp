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

constexpr auto kPeak =
    std::make_tuple(member<Peak>("window_seconds", &Peak::window_seconds),
                    member<Peak>("requests", &Peak::requests), member<Peak>("limit", &Peak::limit),
                    member<Peak>("hour", &Peak::hour));
using PeaksCodec = List<Peak, Object<Peak, kPeak>>;

constexpr auto kKeyPeak = std::tuple_cat(
    std::make_tuple(member<KeyPeak>("key_id", &KeyPeak::key, Presence::required),
                    member<KeyPeak>("name", &KeyPeak::name)),
    kPeak,
    std::make_tuple(computed<Real>("share", [](const KeyPeak& peak) { return peak.share(); }),
                    member<KeyPeak>("hours", &KeyPeak::hours),
                    member_as<Settable<std::uint64_t>>("hours_above", &KeyPeak::hours_above,
                                                       Presence::sparse)));
using KeyPeaksCodec = List<KeyPeak, Object<KeyPeak, kKeyPeak>>;

constexpr auto kPeakReport =
    std::make_tuple(member<PeakReport>("since", &PeakReport::since, Presence::required),
                    member<PeakReport>("count", &PeakReport::count, Presence::required),
                    member_as<KeyPeaksCodec>("peaks", &PeakReport::peaks, Presence::required));

/// The member that names a group.
std::string member_of(Grouping by) {
  return by == Grouping::key ? "key_id" : std::string(name_of(by));
}

Result<UsageGroup> read_group(const Json& json, const std::string& member) {
  auto counts = read_object<Counts>(json, "a group", kCounts, Unknown::ignored);
  if (!counts) {
    return tl::unexpected(std::move(counts.error()));
  }
  return read_string(json.value(member, Json("")), member)
      .and_then([&](std::string name) -> Result<UsageGroup> {
        UsageGroup group{.name = std::move(name), .counts = *counts};
        if (const auto key_name = json.find("name");
            key_name != json.end() && !key_name->is_null()) {
          return read_string(*key_name, "name").map([&](std::string text) {
            group.key_name = std::move(text);
            return group;
          });
        }
        return group;
      });
}

/// The groups of a report: a list of counts, each with the name of its group.
Result<std::vector<UsageGroup>> read_groups(const Json& list, Grouping by) {
  if (!list.is_array()) {
    return wrong_type("by_" + std::string(name_of(by)), "an array");
  }
  std::vector<UsageGroup> groups;
  for (const Json& element : list) {
    auto group = read_group(element, member_of(by));
    if (!group) {
      return tl::unexpected(std::move(group.error()));
    }
    groups.push_back(*std::move(group));
  }
  return groups;
}

}  // namespace

std::vector<ShapeSchema> usage_schemas() {
  ShapeSchema report = schema_of("Usage", kReport);
  report.members.push_back(
      {.name = "key_id", .type = Codec<std::optional<KeyId>>::schema(), .is_always_written = true});
  report.members.push_back({.name = "peaks", .type = {.type = "array"}, .is_always_written = true});
  for (const std::string_view list :
       {"by_endpoint", "by_day", "by_hour", "by_status", "by_reason", "by_key"}) {
    report.members.push_back({.name = list, .type = {.type = "array"}});
  }
  return {schema_of("Counts", kCounts), schema_of("Peak", kPeak), std::move(report),
          schema_of("KeyPeak", kKeyPeak), schema_of("Peaks", kPeakReport)};
}

}  // namespace shape

void write_usage(JsonWriter& json, const std::optional<KeyId>& key, const UsageReport& report) {
  json.begin_object();
  shape::Codec<std::optional<KeyId>>::write(json.name("key_id"), key);
  shape::write_members(json, report, shape::kReport);
  shape::PeaksCodec::write(json.name("peaks"), report.peaks);
  json.name("by_" + std::string(name_of(report.by))).begin_array();
  for (const UsageGroup& group : report.groups) {
    json.begin_object().name(shape::member_of(report.by)).string(group.name);
    if (report.by == Grouping::key) {
      shape::Codec<std::optional<std::string>>::write(json.name("name"), group.key_name);
    }
    shape::write_members(json, group.counts, shape::kCounts);
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
  if (const auto list = json.find("peaks"); list != json.end()) {  // an older server has none
    auto peaks = shape::PeaksCodec::read(*list, "peaks");
    if (!peaks) {
      return tl::unexpected(std::move(peaks.error()));
    }
    report->peaks = *std::move(peaks);
  }
  const auto list = json.find("by_" + std::string(name_of(by)));
  if (list != json.end() && !list->is_null()) {
    auto groups = shape::read_groups(*list, by);
    if (!groups) {
      return tl::unexpected(std::move(groups.error()));
    }
    report->groups = *std::move(groups);
  }
  return report;
}

void write_peaks(JsonWriter& json, const PeakReport& report) {
  shape::write_object(json, report, shape::kPeakReport);
}

void write_key_peak(JsonWriter& json, const KeyPeak& peak) {
  shape::write_object(json, peak, shape::kKeyPeak);
}

void write_key_peaks(JsonWriter& json, const std::vector<KeyPeak>& peaks) {
  shape::KeyPeaksCodec::write(json, peaks);
}

Result<PeakReport> read_peaks(const Json& json) {
  return shape::read_object<PeakReport>(json, "a report", shape::kPeakReport, Unknown::ignored);
}

}  // namespace nexakey::core
