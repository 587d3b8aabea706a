#include "store/read_import.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "core/parse_record.h"
#include "core/usage_folder.h"
#include "store/key_store.h"

namespace nexakey::store {
namespace {

using core::KeyUsage;
using core::Result;

/// The lines of an import from a place on.
class PartLines {
 public:
  PartLines(const ImportParts& parts, const ImportPlace& first) : parts_(parts), next_(first) {}

  /// The next line, until the next call; nothing at the end.
  Result<std::optional<std::string_view>> next() {
    for (; next_.part < parts_.count; next_ = {.part = next_.part + 1}) {
      if (loaded_ != next_.part) {
        auto text = parts_.read(next_.part);
        if (!text) {
          return tl::unexpected(std::move(text.error()));
        }
        text_ = *std::move(text);
        loaded_ = next_.part;
      }
      if (next_.byte < text_.size()) {
        const std::size_t length =
            std::min(text_.find('\n', next_.byte), text_.size()) - next_.byte;
        place_ = std::exchange(
            next_,
            {.part = next_.part, .byte = static_cast<std::uint32_t>(next_.byte + length + 1)});
        return std::string_view(text_).substr(place_.byte, length);
      }
    }
    place_ = next_;
    return std::nullopt;
  }
  /// Where the line begins that `next` has returned; behind the last line, the end.
  [[nodiscard]] ImportPlace place() const { return {.part = place_.part, .byte = place_.byte}; }

 private:
  const ImportParts& parts_;
  ImportPlace next_;
  ImportPlace place_;
  std::string text_;
  std::optional<std::uint32_t> loaded_;
};

std::size_t size_of(const ImportBatch& batch) {
  return std::visit([](const auto& records) { return records.size(); }, batch);
}

/// Adds a record to a batch. False: the batch has `max` records, or is of another kind.
bool add_to(ImportBatch& batch, core::Record& record, std::size_t max) {
  return std::visit(
      [&]<typename T>(T& one) {
        if (size_of(batch) == 0) {
          batch.emplace<std::vector<T>>();
        }
        auto* const records = std::get_if<std::vector<T>>(&batch);
        if (records == nullptr || records->size() >= max) {
          return false;
        }
        records->push_back(std::move(one));
        return true;
      },
      record);
}

/// Passes records on in batches.
class Batches {
 public:
  using Visit = std::function<Result<void>(const ImportBatch&)>;
  explicit Batches(const Visit& visit) : visit_(visit) {}

  void add(core::Record record) {
    if (!add_to(batch_, record, kMaxAtOnce)) {
      pass();
      add_to(batch_, record, kMaxAtOnce);
    }
  }
  /// Passes the last batch on. The first error of a visit ends the visits.
  Result<void> pass() {
    const ImportBatch full = std::exchange(batch_, {});
    if (outcome_ && size_of(full) > 0) {
      outcome_ = visit_(full);
    }
    return outcome_;
  }

 private:
  const Visit& visit_;
  ImportBatch batch_;
  Result<void> outcome_;
};

/// Collects the records of a slice.
class SliceCollector {
 public:
  SliceCollector(const ImportPlace& first, core::Time cutoff, std::size_t max)
      : first_(first), max_(max), folder_(cutoff, [this](KeyUsage usage) {
          counts_.push_back(std::move(usage));
          origins_.push_back(origin_);
          ++origin_.row;
        }) {}

  /// Adds the record at a place. False: it belongs to the next slice.
  bool add(core::Record record, const ImportPlace& place) {
    if (auto* const usage = std::get_if<KeyUsage>(&record)) {
      return size_of(batch_) == 0 && add(std::move(*usage), place);
    }
    return !has_counts_ && place.part == first_.part && add_to(batch_, record, max_);
  }

  /// `next`: the place of the first record that was not added.
  ImportSlice finish(ImportPlace next) {
    folder_.finish();
    if (!has_counts_) {
      return {std::move(batch_), next};
    }
    const std::size_t end = max_ + first_.row;
    if (counts_.size() > end) {
      next = origins_[end];
      counts_.resize(end);
    }
    counts_.erase(counts_.begin(), counts_.begin() + static_cast<std::ptrdiff_t>(std::min(
                                                         std::size_t{first_.row}, counts_.size())));
    return {std::move(counts_), next};
  }

 private:
  bool add(KeyUsage usage, const ImportPlace& place) {
    has_counts_ = true;
    if (!folder_.continues(usage)) {
      folder_.finish();
      origin_ = place;
    }
    if (counts_.size() >= max_ + first_.row) {
      return false;
    }
    folder_.add(std::move(usage));
    return true;
  }

  ImportPlace first_;
  std::size_t max_;
  ImportBatch batch_;
  bool has_counts_ = false;
  std::vector<KeyUsage> counts_;      // from the first one of the first day on
  std::vector<ImportPlace> origins_;  // of the counts: where their day begins, and their number
  ImportPlace origin_;                // of the next count
  core::UsageFolder folder_;
};

}  // namespace

Result<ImportContent> read_import(const ImportParts& parts, const core::ImportOptions& options,
                                  core::Time cutoff, const Batches::Visit& visit) {
  core::ExportReader reader;
  ImportContent content;
  Batches batches(visit);
  core::UsageFolder folder(cutoff, [&](KeyUsage usage) { batches.add(std::move(usage)); });
  PartLines lines(parts, {});
  std::uint32_t part = 0;
  auto line = lines.next();
  for (; line && *line; line = lines.next()) {
    auto record = reader.read(**line);
    if (!record) {
      return tl::unexpected(std::move(record.error()));
    }
    if (std::exchange(part, lines.place().part) != lines.place().part) {
      if (auto passed = batches.pass(); !passed) {
        return tl::unexpected(std::move(passed.error()));
      }
    }
    if (!*record) {
      continue;
    }
    if (options.keep_known && !std::holds_alternative<core::Key>(**record)) {
      return core::reject("an import that keeps known keys can only contain keys");
    }
    if (auto* const usage = std::get_if<KeyUsage>(&**record)) {
      folder.add(std::move(*usage));
      continue;
    }
    folder.finish();
    if (const auto* const entry = std::get_if<core::AuditEntry>(&**record)) {
      content.last = *entry;
    }
    batches.add(**std::move(record));
  }
  if (!line) {
    return tl::unexpected(std::move(line.error()));
  }
  folder.finish();
  return reader.finish().and_then([&] { return batches.pass(); }).map([&] {
    content.counts = reader.counts();
    content.audit_head = reader.audit_head();
    content.workspace = reader.workspace();
    return std::move(content);
  });
}

Result<ImportSlice> read_slice(const ImportParts& parts, const ImportPlace& first,
                               core::Time cutoff, std::size_t max) {
  PartLines lines(parts, {.part = first.part, .byte = first.byte});
  SliceCollector slice(first, cutoff, max);
  for (;;) {
    const auto line = lines.next();
    if (!line) {
      return tl::unexpected(line.error());
    }
    if (!*line) {
      return slice.finish(lines.place());
    }
    auto record = core::parse_record(**line);
    if (!record) {
      return tl::unexpected(std::move(record.error()));
    }
    if (*record && !slice.add(**std::move(record), lines.place())) {
      return slice.finish(lines.place());
    }
  }
}

}  // namespace nexakey::store
