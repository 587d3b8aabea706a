#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "core/error.h"
#include "store/postgres/libpq.h"
#include "store/postgres/parameters.h"
#include "store/postgres/problem.h"
#include "store/postgres/rows.h"

namespace nexakey::store::postgres {

/// A connection to a PostgreSQL server, which is opened at the first use and again after it was
/// lost. Every wait for the server has a timeout. Errors are exceptions: Problem.
class Session {
 public:
  /// A connection to the server at a URL, which libpq completes from its environment and files.
  /// Error: `usage`, if the URL cannot be read (postgres/url.h).
  static core::Result<Session> to(const std::string& url);

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

  /// Runs `work`, which is one statement, and, outside a transaction, again after a deadlock or a
  /// lost connection.
  template <typename Work>
  auto ask(const Work& work) -> decltype(work()) {
    if (is_in_transaction_) {
      return work();
    }
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
  Session(std::string url, std::string place) : url_(std::move(url)), place_(std::move(place)) {}

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
