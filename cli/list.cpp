#include <algorithm>
#include <array>
#include <memory>
#include <numeric>
#include <span>

#include "cli/activity.h"
#include "cli/command.h"
#include "cli/filter_options.h"
#include "cli/first_keys.h"
#include "cli/key_view.h"
#include "cli/near_misses.h"
#include "cli/options.h"
#include "cli/print_table.h"
#include "core/json.h"
#include "core/text.h"

namespace nexakey::cli {
namespace {

constexpr const char* kExamples =
    "nexakey list\n"
    "nexakey list --status all --label team=crm\n"
    "nexakey list --expires-within 14d --quiet\n"
    "nexakey list --sort used --columns name,used,from\n"
    "nexakey list -o json | jq -r '.keys[] | [.id, .name] | @tsv'";

struct Options {
  FilterOptions filter;
  std::optional<std::string> limit{};
  std::optional<std::string> cursor{};
  std::optional<std::string> columns{};
  std::optional<std::string> sort{};
  bool is_reverse = false;
  bool no_chart = false;
};

struct ListColumn {
  std::string_view name;
  Cell (*cell)(const KeyView& view, const core::Key& key);
  bool right_aligned = false;
  std::size_t min_width = 0;
};

/// Names are what people read.
constexpr std::size_t kMinNameWidth = 20;

/// The column that needs the store, for each key.
constexpr std::string_view kActivity = "activity";

constexpr std::array<ListColumn, 14> kColumns{{
    {"id", [](const KeyView&, const core::Key& k) -> Cell { return k.id.to_string(); }},
    {"name", [](const KeyView&, const core::Key& k) -> Cell { return k.name; }, false,
     kMinNameWidth},
    {"workspace", [](const KeyView&, const core::Key& k) -> Cell { return k.workspace; }, false,
     kMinTextWidth},
    {"key", [](const KeyView&, const core::Key& k) -> Cell { return "…" + k.last_four; }},
    {"status", [](const KeyView& v, const core::Key& k) { return v.status(k); }},
    {"scopes", [](const KeyView&, const core::Key& k) -> Cell { return join_scopes(k); }},
    {"limit", [](const KeyView&, const core::Key& k) -> Cell { return limits_of(k); }, true},
    {"whitelist",
     [](const KeyView&, const core::Key& k) -> Cell {
       return k.whitelist.empty() ? "any" : k.whitelist.to_text();
     },
     false, kMinTextWidth},
    {"created",
     [](const KeyView& v, const core::Key& k) -> Cell { return v.brief_time(k.created_at); }},
    {"expires",
     [](const KeyView& v, const core::Key& k) -> Cell { return v.brief_time(k.expires_at); }},
    {"used",
     [](const KeyView& v, const core::Key& k) -> Cell { return v.brief_time(k.last_use.at); }},
    {"from",
     [](const KeyView&, const core::Key& k) -> Cell {
       return k.last_use.ip ? k.last_use.ip->to_string() : "-";
     }},
    {"description", [](const KeyView&, const core::Key& k) -> Cell { return k.description; }, false,
     kMinTextWidth},
    {kActivity, [](const KeyView&, const core::Key&) -> Cell { return ""; }},
}};

/// How many keys --sort and the activity show without --limit.
constexpr std::size_t kMaxByDefault = 1000;

constexpr const char* kDefaultColumns = "id,name,status,scopes,limit,created,expires,used";
constexpr const char* kAllWorkspacesColumns =
    "id,name,workspace,status,scopes,limit,created,expires,used";
/// The columns of these tables, the most important one first.
constexpr std::array<std::string_view, 9> kByWorth{
    "name", "id", "status", "expires", "used", "workspace", "scopes", "limit", "created"};

/// `where`: where the names are from, for messages; may be empty.
std::vector<const ListColumn*> choose_columns(const std::string& names,
                                              const std::string& where = {}) {
  std::vector<const ListColumn*> chosen;
  for (const std::string_view name : core::split(names, ',')) {
    const auto* const column = std::ranges::find(kColumns, name, &ListColumn::name);
    if (column == kColumns.end()) {
      std::vector<std::string_view> known;
      std::ranges::transform(kColumns, std::back_inserter(known), &ListColumn::name);
      throw Failure{{core::ErrorCode::usage, "unknown column " + core::quote(name) + where,
                     "the columns are " + core::join(known, ", ")}};
    }
    chosen.push_back(column);
  }
  return chosen;
}

/// Prints a list in one output format, key by key.
class Printer {
 public:
  Printer() = default;
  Printer(const Printer&) = delete;
  Printer& operator=(const Printer&) = delete;
  virtual ~Printer() = default;
  virtual void add(const core::Key& key) = 0;
  /// Asks the store for what the keys themselves do not tell, after the last one.
  virtual void complete(store::KeyStore& /*store*/) {}
  virtual void finish(const std::optional<core::KeyId>& next) = 0;
};

class TablePrinter : public Printer {
 public:
  /// `by_worth`: names of columns, the most important one first. `has_chart`: the activity is
  /// drawn.
  TablePrinter(Context& context, std::vector<const ListColumn*> columns,
               std::span<const std::string_view> by_worth, bool has_chart)
      : context_(context),
        view_(context),
        columns_(std::move(columns)),
        has_chart_(has_chart),
        table_(titles(by_worth)) {}

  void add(const core::Key& key) override {
    std::vector<Cell> row;
    for (const ListColumn* const column : columns_) {
      row.push_back(column->cell(view_, key));
    }
    table_.add(std::move(row));
    ids_.push_back(key.id);
  }

  void complete(store::KeyStore& store) override {
    const auto column = std::ranges::find(columns_, kActivity, &ListColumn::name);
    if (column == columns_.end()) {
      return;
    }
    const auto place = static_cast<std::size_t>(column - columns_.begin());
    for (std::size_t i = 0; i < ids_.size(); ++i) {
      const Activity activity = find_activity(store, ids_[i], context_.now());
      table_.row(i)[place] =
          has_chart_
              ? sparkline(activity, context_.terminal.draws_blocks)
              : std::to_string(std::accumulate(activity.begin(), activity.end(), std::uint64_t{0}));
    }
  }

  void finish(const std::optional<core::KeyId>& /*next*/) override {
    if (!table_.empty()) {
      print_table(context_, std::move(table_), "use a wider terminal or --columns");
    } else {
      print_note("no keys");
    }
  }

 private:
  [[nodiscard]] std::vector<Column> titles(std::span<const std::string_view> by_worth) const {
    std::vector<Column> titles;
    for (const ListColumn* const column : columns_) {
      const auto place = std::ranges::find(by_worth, column->name) - by_worth.begin();
      const bool is_number = column->right_aligned || (column->name == kActivity && !has_chart_);
      titles.push_back(
          {title_of(column->name), is_number, column->min_width, static_cast<std::size_t>(place)});
    }
    return titles;
  }

  Context& context_;
  KeyView view_;
  std::vector<const ListColumn*> columns_;
  bool has_chart_;
  Table table_;
  std::vector<core::KeyId> ids_;  // of the rows
};

class IdPrinter : public Printer {
 public:
  explicit IdPrinter(Context& context) : context_(context) {}
  void add(const core::Key& key) override { context_.out.write(key.id.to_string() + "\n"); }
  void finish(const std::optional<core::KeyId>& /*next*/) override {}

 private:
  Context& context_;
};

class LinePrinter : public Printer {
 public:
  explicit LinePrinter(Context& context) : context_(context), now_(context.now()) {}
  void add(const core::Key& key) override { print_key_line(context_, key, now_); }
  void finish(const std::optional<core::KeyId>& /*next*/) override {}

 private:
  Context& context_;
  core::Time now_;
};

class DocumentPrinter : public Printer {
 public:
  explicit DocumentPrinter(Context& context)
      : context_(context), now_(context.now()), json_(context.out.buffer()) {
    json_.begin_object().name("keys").begin_array();
  }
  void add(const core::Key& key) override {
    core::write_key(json_, key, now_);
    context_.out.flush_if_full();
  }
  void finish(const std::optional<core::KeyId>& next) override {
    json_.end_array().name("next_cursor");
    if (next) {
      json_.plain(next->to_string());
    } else {
      json_.null();
    }
    json_.end_object();
    context_.out.write("\n");
  }

 private:
  Context& context_;
  core::Time now_;
  core::JsonWriter json_;
};

/// The columns that the user names, if any.
std::optional<std::string> named_columns(const Context& context, const Options& options) {
  const auto& setting = context.settings.columns;
  return !options.columns && setting ? std::optional(setting->value) : options.columns;
}

/// The table of the keys. Columns that the user names are important in their order.
std::unique_ptr<Printer> make_table_printer(Context& context, const Options& options) {
  const bool has_chart = context.terminal.output && !options.no_chart;
  const auto named = named_columns(context, options);
  if (!named) {
    return std::make_unique<TablePrinter>(
        context,
        choose_columns(options.filter.all_workspaces() ? kAllWorkspacesColumns : kDefaultColumns),
        kByWorth, has_chart);
  }
  auto chosen =
      choose_columns(*named, options.columns ? "" : " (" + context.settings.columns->where() + ")");
  return std::make_unique<TablePrinter>(context, std::move(chosen), core::split(*named, ','),
                                        has_chart);
}

std::unique_ptr<Printer> make_printer(Context& context, const Options& options) {
  auto table = make_table_printer(context, options);  // refuses unknown columns in any format
  if (context.settings.format == Format::json) {
    return std::make_unique<DocumentPrinter>(context);
  }
  if (context.settings.format == Format::jsonl) {
    return std::make_unique<LinePrinter>(context);
  }
  if (context.settings.quiet) {
    return std::make_unique<IdPrinter>(context);
  }
  return table;
}

store::Page page_of(const Context& context, const Options& options) {
  store::Page page;
  const auto columns =
      context.settings.format == Format::table ? named_columns(context, options) : std::nullopt;
  if (options.limit) {
    page.limit = parse_count(*options.limit, "--limit");
  } else if (columns && std::ranges::count(core::split(*columns, ','), kActivity) > 0) {
    page.limit = kMaxByDefault;
  }
  if (options.cursor) {
    page.after = core::KeyId::parse(*options.cursor);
    if (!page.after) {
      throw Failure{{core::ErrorCode::usage, core::quote(*options.cursor) + " is not a cursor",
                     "use the next_cursor of the previous page"}};
    }
  }
  return page;
}

/// Whether the default store does not exist yet, which is not an error.
bool is_first_use(const Context& context, const core::Error& error) {
  return error.code == core::ErrorCode::not_found &&
         context.settings.store.origin == Origin::fallback;
}

/// Prints the first `limit` keys of an order.
void print_sorted(Context& context, store::KeyStore& store, const core::KeyFilter& filter,
                  FirstKeys first, std::size_t limit, Printer& printer) {
  value_of(store.list(filter, {}, context.now(), [&](const core::Key& key) {
    first.add(key);
    return true;
  }));
  const std::size_t count = first.count();
  for (const core::Key& key : std::move(first).take()) {
    printer.add(key);
  }
  printer.complete(store);
  printer.finish(std::nullopt);
  context.out.flush();
  if (count == 0) {
    note_near_miss(context, store, filter);
  }
  if (count > limit) {
    print_note("nexakey: the list ends after " + std::to_string(limit) + " of " +
               std::to_string(count) + " keys: --limit sets how many are shown");
  }
}

/// The order of the options, if they have one.
std::optional<KeyOrder> order_of(const Options& options) {
  const auto order = options.sort ? std::optional(parse_key_order(*options.sort)) : std::nullopt;
  if (order && options.cursor) {
    throw Failure{{core::ErrorCode::usage, "--sort shows one page", "leave --cursor out"}};
  }
  if (options.is_reverse && !order) {
    throw Failure{{core::ErrorCode::usage, "--reverse applies to --sort", "name the order"}};
  }
  return order;
}

ExitStatus run(Context& context, const Options& options) {
  const auto order = order_of(options);
  const core::KeyFilter filter = options.filter.filter(context);
  const store::Page page = page_of(context, options);
  const auto printer = make_printer(context, options);
  auto store = context.try_open_store(store::OpenMode::existing);
  if (!store && is_first_use(context, store.error())) {
    printer->finish(std::nullopt);
    print_note("no store yet: create the first key with nexakey create --scope read");
    return ExitStatus::done;
  }
  const auto opened = value_of(std::move(store));
  if (order) {
    const std::size_t limit = options.limit ? page.limit : kMaxByDefault;
    print_sorted(context, *opened, filter, {*order, options.is_reverse, limit}, limit, *printer);
    return ExitStatus::done;
  }
  bool is_empty = true;
  const auto next = value_of(opened->list(filter, page, context.now(), [&](const core::Key& key) {
    printer->add(key);
    is_empty = false;
    return true;
  }));
  printer->complete(*opened);
  printer->finish(next);
  if (is_empty) {
    context.out.flush();
    note_near_miss(context, *opened, filter);
  }
  if (next) {
    context.out.flush();
    print_note("nexakey: there are more keys: continue with --cursor " + next->to_string());
  }
  return ExitStatus::done;
}

Runner attach(Arguments& app) {
  const auto options = std::make_shared<Options>();
  options->filter.add_to(app);
  app.add_option("--columns", options->columns, "The columns of the table, separated by commas")
      ->type_name("NAMES");
  app.add_option("--sort", options->sort, "Sort by this, not by the time of creation")
      ->type_name("name|created|expires|used|limit");
  app.add_flag("--reverse", options->is_reverse, "With --sort: the last ones first");
  app.add_option("--limit", options->limit, "At most N keys")->type_name("N");
  app.add_option("--cursor", options->cursor, "Continue after the page with this cursor")
      ->type_name("CURSOR");
  app.add_flag("--no-chart", options->no_chart, "The activity as a number of requests");
  app.footer(kExamples);
  return [options](Context& context) { return run(context, *options); };
}

}  // namespace

const Command kList{"list", "List keys, newest first", attach};

}  // namespace nexakey::cli
