#pragma once

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "core/credential.h"
#include "core/id.h"
#include "store/sql.h"

namespace nexakey::store::postgres {

/// The parameters of a statement, in order, in PostgreSQL's text format.
class Parameters {
 public:
  Parameters& add(std::int64_t number);
  Parameters& add(std::string text);
  Parameters& add(const core::CredentialHash& hash);
  Parameters& add_flag(bool value);
  Parameters& add(const sql::Bytes& value);
  /// Arrays of numbers, of texts that need no quotes, of any texts, and of hashes.
  Parameters& add_array(std::span<const std::int64_t> numbers);
  Parameters& add_plain_array(std::span<const std::string_view> texts);
  Parameters& add_array(std::span<const std::string> texts);
  Parameters& add_array(std::span<const core::CredentialHash> hashes);
  template <typename Kind>
  Parameters& add_array(std::span<const core::Id<Kind>> ids) {
    return add_column(ids, [](core::Id<Kind> id) { return std::int64_t{id.bits()}; });
  }

  /// An array of what `get` returns for each item.
  template <typename Items, typename Get>
  Parameters& add_column(const Items& items, const Get& get) {
    std::vector<std::decay_t<std::invoke_result_t<Get, decltype(*items.begin())>>> values;
    std::ranges::transform(items, std::back_inserter(values), get);
    return add_array(values);
  }

  [[nodiscard]] std::vector<const char*> values() const;

 private:
  std::vector<std::string> values_;
};

}  // namespace nexakey::store::postgres
