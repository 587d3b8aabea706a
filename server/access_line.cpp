#include "server/access_line.h"

#include <algorithm>
#include <charconv>
#include <string>

#include <nlohmann/json.hpp>

#include "core/json.h"
#include "core/text.h"

namespace nexakey::server {
namespace {

using core::Result;

constexpr int kMaxPriority = 191;  // facility 23, severity 7
constexpr std::size_t kMaxTagLength = 32;

tl::unexpected<core::Error> not_an_access_line(const std::string& why) {
  return core::reject("the datagram is not an access log line: " + why);
}

/// Removes `<PRI>`: 0 to 191, without leading zeros.
bool take_priority(std::string_view& text) {
  const std::size_t end = text.find('>');
  if (end == std::string_view::npos || end < 2 || text.front() != '<') {
    return false;
  }
  const std::string_view digits = text.substr(1, end - 1);
  int priority = -1;
  const auto [stop, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), priority);
  text.remove_prefix(end + 1);
  return error == std::errc() && stop == digits.data() + digits.size() && priority >= 0 &&
         priority <= kMaxPriority && (digits.size() == 1 || digits.front() != '0');
}

/// Removes `Mmm dd hh:mm:ss `, in which a blank precedes a day of one digit.
bool take_time(std::string_view& text) {
  constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
  constexpr std::string_view kShape = "... .0 00:00:00 ";
  if (text.size() < kShape.size()) {
    return false;
  }
  const std::string_view time = text.substr(0, kShape.size());
  text.remove_prefix(kShape.size());
  const std::size_t month = kMonths.find(time.substr(0, 3));
  return month != std::string_view::npos && month % 3 == 0 &&
         (time[4] == ' ' || core::is_digit(time[4])) &&
         std::ranges::equal(time.substr(3), kShape.substr(3), [](char c, char shape) {
           return shape == '.' || (shape == '0' ? core::is_digit(c) : c == shape);
         });
}

/// Removes the host, if there is one, and `TAG: `.
bool take_sender(std::string_view& text) {
  const std::size_t end = text.find(": ");
  if (end == std::string_view::npos) {
    return false;
  }
  const std::string_view sender = text.substr(0, end);
  text.remove_prefix(end + 2);
  const std::size_t blank = sender.find(' ');
  const std::string_view tag = sender.substr(blank == std::string_view::npos ? 0 : blank + 1);
  return blank != 0 && !tag.empty() && tag.size() <= kMaxTagLength &&
         std::ranges::all_of(tag, [](char c) { return core::is_alphanumeric(c) || c == '_'; });
}

/// Removes the status with which nexakey answered the gateway; "" if it was not asked or did not
/// answer.
Result<std::string> take_admission(core::Json& line) {
  const auto member = line.is_object() ? line.find("admitted") : line.end();
  if (!line.is_object() || member == line.end() || !member->is_string()) {
    return not_an_access_line("it has no member admitted");
  }
  std::string admission = member->get<std::string>();
  line.erase(member);
  return admission;
}

}  // namespace

Result<std::optional<core::UpstreamResponse>> read_access_line(std::string_view datagram) {
  if (!take_priority(datagram) || !take_time(datagram) || !take_sender(datagram)) {
    return not_an_access_line("its header is not that of RFC 3164");
  }
  auto line = core::parse_json(datagram);
  if (!line) {
    return tl::unexpected(std::move(line.error()));
  }
  const auto admission = take_admission(*line);
  if (!admission) {
    return tl::unexpected(admission.error());
  }
  if (*admission != "200") {
    return std::nullopt;
  }
  return core::read_upstream_response(*line).map(
      [](core::UpstreamResponse&& response) { return std::optional(std::move(response)); });
}

}  // namespace nexakey::server
