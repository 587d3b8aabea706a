#include "store/read_import.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "core/usage_folder.h"

namespace nexakey::store {
namespace {

using core::Result;

/// The maximum number of records in one call of the tables.
constexpr std::size_t kBatch = 512;

/// Adds a record to the last batch of its kind.
template <typename T>
void add(std::vector<ImportBatch>& batches, T record) {
  auto* batch = batches.empty() ? nullptr : std::get_if<std::vector<T>>(&batches.back());
  if (batch == nullptr || batch->size() == kBatch) {
    batch = &std::get<std::vector<T>>(batches.emplace_back(std::vector<T>()));
    batch->reserve(kBatch);
  }
  batch->push_back(std::move(record));
}

}  // namespace

Result<ReadImport> read_import(std::uint32_t parts,
                               const std::function<Result<std::string>(std::uint32_t)>& read_part,
                               const core::ImportOptions& options, core::Time cutoff) {
  core::ExportReader reader;
  ReadImport import;
  core::UsageFolder folder(cutoff,
                           [&](core::KeyUsage usage) { add(import.batches, std::move(usage)); });
  for (std::uint32_t number = 0; number < parts; ++number) {
    const auto part = read_part(number);
    if (!part) {
      return tl::unexpected(part.error());
    }
    std::string_view rest = *part;
    while (!rest.empty()) {
      const std::size_t length = std::min(rest.find('\n'), rest.size());
      auto record = reader.read(rest.substr(0, length));
      if (!record) {
        return tl::unexpected(std::move(record.error()));
      }
      rest.remove_prefix(std::min(length + 1, rest.size()));
      if (!*record) {
        continue;
      }
      if (options.keep_known && !std::holds_alternative<core::Key>(**record)) {
        return core::reject("an import that keeps known keys can only contain keys");
      }
      if (auto* const usage = std::get_if<core::KeyUsage>(&**record)) {
        folder.add(std::move(*usage));
        continue;
      }
      folder.finish();
      std::visit([&](auto&& one) { add(import.batches, std::forward<decltype(one)>(one)); },
                 **std::move(record));
    }
  }
  folder.finish();
  return reader.finish().map([&] {
    import.counts = reader.counts();
    import.audit_head = reader.audit_head();
    import.workspace = reader.workspace();
    return std::move(import);
  });
}

}  // namespace nexakey::store
