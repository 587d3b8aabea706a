#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <new>
#include <optional>
#include <utility>

#include <csv.h>
#include <malloc.h>
#include <openssl/crypto.h>

#include "cli/plain_keys.h"
#include "core/text.h"

namespace nexakey::cli {
namespace {

using core::Result;

/// The parts of a field, which are separated by any of `separators`. An empty field has none; one
/// of separators alone is an error, so that it is not taken for an empty one.
Result<std::vector<std::string>> parts_of(std::string_view field, const char* separators) {
  std::vector<std::string> parts;
  for (std::string_view rest = field; !rest.empty();) {
    const std::size_t length = std::min(rest.find_first_of(separators), rest.size());
    if (length > 0) {
      parts.emplace_back(rest.substr(0, length));
    }
    rest.remove_prefix(std::min(length + 1, rest.size()));
  }
  if (parts.empty() && !field.empty()) {
    return core::reject("the list " + core::quote(field) + " has only separators",
                        "leave the field empty if the key has none");
  }
  return parts;
}

struct CsvColumn {
  std::string_view name;
  Result<void> (*set)(PlainKey& key, std::string_view field);
};

template <std::string PlainKey::*member>
Result<void> set_text(PlainKey& key, std::string_view field) {
  key.*member = field;
  return {};
}

template <std::vector<std::string> PlainKey::*member>
Result<void> set_list(PlainKey& key, std::string_view field) {
  return parts_of(field, ",; ").map([&](std::vector<std::string> parts) {
    key.*member = std::move(parts);
  });
}

Result<void> set_rate_limit(PlainKey& key, std::string_view field) {
  if (field.empty()) {
    return {};
  }
  return parse_limit(field).map([&](std::int64_t limit) { key.rate_limit = limit; });
}

Result<void> set_labels(PlainKey& key, std::string_view field) {
  return parts_of(field, ";")
      .and_then([](const std::vector<std::string>& labels) { return core::parse_labels(labels); })
      .map([&](core::Labels read) { key.labels = std::move(read); });
}

constexpr std::array<CsvColumn, 9> kColumns{{{"key", set_key},
                                             {"name", set_text<&PlainKey::name>},
                                             {"scopes", set_list<&PlainKey::scopes>},
                                             {"whitelist", set_list<&PlainKey::whitelist>},
                                             {"expires", set_text<&PlainKey::expires>},
                                             {"rate_limit", set_rate_limit},
                                             {"workspace", set_text<&PlainKey::workspace>},
                                             {"description", set_text<&PlainKey::description>},
                                             {"labels", set_labels}}};

/// Frees and wipes a buffer of libcsv, which can contain keys.
void free_wiped(void* memory) {
  if (memory != nullptr) {
    OPENSSL_cleanse(memory, ::malloc_usable_size(memory));
    std::free(memory);  // NOLINT(cppcoreguidelines-owning-memory): libcsv's
  }
}

void* reallocate_wiped(void* memory, std::size_t size) {
  void* const larger = std::malloc(size);  // NOLINT(cppcoreguidelines-owning-memory): libcsv's
  if (larger != nullptr && memory != nullptr) {
    std::memcpy(larger, memory, std::min(size, ::malloc_usable_size(memory)));
    free_wiped(memory);
  }
  return larger;
}

/// Receives fields and rows from libcsv until the first error.
class CsvReader {
 public:
  explicit CsvReader(const VisitPlainKey& visit) : visit_(visit) {
    if (::csv_init(&parser_, CSV_STRICT | CSV_STRICT_FINI) != 0) {
      throw std::bad_alloc();
    }
    ::csv_set_realloc_func(&parser_, reallocate_wiped);
    ::csv_set_free_func(&parser_, free_wiped);
  }
  CsvReader(const CsvReader&) = delete;
  CsvReader& operator=(const CsvReader&) = delete;
  ~CsvReader() { ::csv_free(&parser_); }

  Result<void> read(KeyListText& text) {
    for (auto piece = text.next(); !piece.empty() && !is_over(); piece = text.next()) {
      parse(piece);
    }
    if (!is_over() && ::csv_fini(&parser_, add_field, end_row, this) != 0) {
      fail(line_, "invalid CSV: unclosed quote");
    }
    if (!is_over() && !has_columns_) {
      fail(1, "the column key is missing", kColumnsHint);
    }
    if (thrown_) {
      std::rethrow_exception(thrown_);
    }
    return error_ ? Result<void>(tl::unexpected(*error_)) : Result<void>();
  }

 private:
  static constexpr const char* kColumnsHint =
      "use the columns key, name, scopes, whitelist, expires, rate_limit, workspace, description"
      " and labels, named in the first line";

  void parse(std::string_view text) {
    while (!text.empty() && !is_over()) {
      // Parsed line by line to know the line of each row.
      const std::size_t length = std::min(text.find('\n'), text.size() - 1) + 1;
      line_ += std::exchange(at_line_end_, text[length - 1] == '\n') ? 1 : 0;
      row_size_ += length;
      if (row_size_ > kMaxPlainKeySize) {
        error_ = at_line(line_, too_long("the row"));
      } else if (::csv_parse(&parser_, text.data(), length, add_field, end_row, this) != length) {
        fail(line_, "invalid CSV: misplaced quote");
      }
      text.remove_prefix(length);
    }
  }

  // Callbacks of libcsv, which is C: exceptions must not leave them.
  static void add_field(void* field, std::size_t size, void* reader) noexcept {
    auto& self = *static_cast<CsvReader*>(reader);
    self.guard([&] { self.add_field({static_cast<const char*>(field), size}); });
  }
  static void end_row(int /*end*/, void* reader) noexcept {
    auto& self = *static_cast<CsvReader*>(reader);
    self.guard([&] { self.end_row(); });
  }

  [[nodiscard]] bool is_over() const { return error_ || thrown_; }

  template <typename Work>
  void guard(const Work& work) noexcept {
    try {
      if (!is_over()) {
        work();
      }
    } catch (...) {
      thrown_ = std::current_exception();
    }
  }

  void add_field(std::string_view field) {
    if (fields_++ == 0) {
      key_ = PlainKey();
      key_.line = line_;
    }
    if (!has_columns_) {
      add_column(field);
    } else if (fields_ <= columns_.size()) {
      check(columns_[fields_ - 1]->set(key_, field));
    }
  }

  void add_column(std::string_view name) {
    const auto* const column = std::ranges::find(kColumns, name, &CsvColumn::name);
    if (column == kColumns.end()) {
      fail(line_, "unknown column " + core::quote(name), kColumnsHint);
    } else if (std::ranges::count(columns_, column) != 0) {
      fail(line_, "the column " + core::quote(name) + " is given twice");
    } else {
      columns_.push_back(column);
    }
  }

  void end_row() {
    const std::size_t fields = std::exchange(fields_, 0);
    row_size_ = 0;
    if (!std::exchange(has_columns_, true)) {
      if (std::ranges::count(columns_, kColumns.begin()) == 0) {
        fail(line_, "the column key is missing", kColumnsHint);
      }
    } else if (fields != columns_.size()) {
      fail(key_.line, "the row has " + std::to_string(fields) + " fields instead of " +
                          std::to_string(columns_.size()));
    } else {
      check(visit_(key_));
    }
  }

  void check(const Result<void>& checked) {
    if (!checked) {
      error_ = at_line(key_.line, checked.error());
    }
  }

  void fail(std::uint64_t line, std::string message, std::string hint = {}) {
    error_ = at_line(line, {core::ErrorCode::usage, std::move(message), std::move(hint)});
  }

  const VisitPlainKey& visit_;
  csv_parser parser_{};
  std::uint64_t line_ = 0;
  bool at_line_end_ = true;
  std::size_t row_size_ = 0;  // so far, in bytes
  std::size_t fields_ = 0;    // of the row so far
  bool has_columns_ = false;
  std::vector<const CsvColumn*> columns_;
  PlainKey key_;
  std::optional<core::Error> error_;
  std::exception_ptr thrown_;
};

}  // namespace

Result<void> read_plain_keys_csv(KeyListText& text, const VisitPlainKey& visit) {
  return CsvReader(visit).read(text);
}

}  // namespace nexakey::cli
