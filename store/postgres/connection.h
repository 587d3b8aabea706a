#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/key.h"
#include "store/postgres/libpq.h"
#include "store/postgres/problem.h"
#include "store/sql.h"

namespace nexakey::store::postgres {

/// The parameters of a statement, in order, in PostgreSQL's text format.
class Parameters {
 public:
  Parameters& add(std::int64_t number);
  Parameters& add(std::string text);
  Parameters& add(const core::CredentialHash& hash);
  Parameters& add(const std::optional<core::Time>& time);
  template <typename Kind>
  Parameters& add(const std::optional<core::Id<Kind>>& id) {
    return id ? add(id->bits()) : add_null();
  }
  Parameters& add_flag(bool value);
  Parameters& add(const sql::Bytes& value);
  Parameters& add_null();
  /// Arrays of numbers, of texts that need no quotes, of any texts, and of hashes.
  Parameters& add_array(std::span<const std::int64_t> numbers);
  Parameters& add_array(std::span<const std::optional<std::int64_t>> numbers);
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
  std::vector<std::optional<std::string>> values_;
};

/// The result of a statement.
class Rows {
 public:
  explicit Rows(PGresult* result) : result_(result) {}

  [[nodiscard]] int size() const { return libpq().rows(result_.get()); }
  [[nodiscard]] bool is_null(int row, int column) const;
  [[nodiscard]] std::string_view text(int row, int column) const;
  [[nodiscard]] std::int64_t number(int row, int column) const;
  [[nodiscard]] core::CredentialHash hash(int row, int column) const;
  [[nodiscard]] std::string bytes(int row, int column) const;

 private:
  struct Clear {
    void operator()(PGresult* result) const { libpq().clear(result); }
  };
  std::unique_ptr<PGresult, Clear> result_;
};

/// A connection to a PostgreSQL server, which is opened at the first use and again after it was
/// lost. Every wait for the server has a timeout. Errors are exceptions: Problem.
class Connection {
 public:
  /// A connection to the server at a URL, which libpq completes from its environment and files.
  /// Error: `usage`, if the URL cannot be read (postgres/url.h).
  static core::Result<Connection> to(const std::string& url);

  /// Runs a statement in the open transaction, or else in its own. `sql` must be the same object
  /// each time. The statement is prepared at its second use, so that a command that needs it once
  /// saves a round trip.
  Rows run(const std::string& sql, const Parameters& parameters = {});
  /// Runs a statement without preparing it.
  Rows run_once(const std::string& sql, const Parameters& parameters);
  /// Runs several statements without parameters, as one transaction if they begin none.
  void execute(const std::string& sql);
  /// The same, for statements that may take minutes.
  void execute_long(const std::string& sql);

  /// Runs `work` in a transaction, and again after a deadlock or a lost connection. Commits durably
  /// if `work` returns true, else rolls back.
  void change(const std::function<bool()>& work);

  /// Runs `work`, which is one statement, and again after a deadlock or a lost connection.
  template <typename Work>
  auto ask(const Work& work) -> decltype(work()) {
    std::optional<decltype(work())> answer;
    repeat([&] { answer.emplace(work()); });
    return *std::move(answer);
  }

  /// Runs `work`, which calls `stream`, with one snapshot.
  void view(const std::function<void()>& work);

  /// Calls `visit` with each row of a query, from one snapshot, until it returns false. Needs no
  /// more memory for many rows than for a few.
  void stream(const std::string& query, const Parameters& parameters,
              const std::function<bool(const Rows&, int row)>& visit);

  [[nodiscard]] bool is_in_transaction() const { return is_in_transaction_; }
  /// Whether `change` is running.
  [[nodiscard]] bool is_changing() const { return is_changing_; }

  /// Closes the connection; the next use opens another one.
  void disconnect() { connection_.reset(); }

  /// Where the store is, for messages: hosts and database, no password.
  [[nodiscard]] const std::string& place() const { return place_; }

 private:
  Connection(std::string url, std::string place) : url_(std::move(url)), place_(std::move(place)) {}

  struct Finish {
    void operator()(PGconn* connection) const { libpq().finish(connection); }
  };

  void repeat(const std::function<void()>& work);
  /// Throws a Problem if the outcome of a commit is unknown.
  void check_outcome();
  void begin();
  void end(bool is_commit);
  void abandon();
  PGconn* connected();
  void connect();
  Rows receive(std::chrono::milliseconds patience);
  void wait(PGconn* connection, std::chrono::steady_clock::time_point until);
  [[noreturn]] void lose(const std::string& why);
  void send(int sent);
  void visit_cursor(const std::string& query, const Parameters& parameters,
                    const std::function<bool(const Rows&, int row)>& visit);
  Rows fetch();
  [[nodiscard]] Refused describe(const PGresult* result) const;

  std::string url_;
  std::string place_;
  std::unique_ptr<PGconn, Finish> connection_;
  // The names of statements, by the address of their text; empty after one use.
  std::map<const std::string*, std::string> prepared_;
  int last_name_ = 0;
  bool is_committing_ = false;
  bool is_in_transaction_ = false;
  bool is_changing_ = false;
};

/// Calls `work`, which returns a Result; a Problem becomes an error.
template <typename Work>
auto guarded(const Work& work) -> decltype(work()) {
  try {
    return work();
  } catch (const Problem& problem) {
    return tl::unexpected(problem.error());
  }
}

}  // namespace nexakey::store::postgres
