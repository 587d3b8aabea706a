#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "core/error.h"
#include "store/postgres/connector.h"
#include "store/postgres/libpq.h"
#include "store/postgres/parameters.h"
#include "store/postgres/problem.h"
#include "store/postgres/rows.h"

namespace nexakey::store::postgres {

/// A connection to a PostgreSQL server, which is opened at the first use and again after it was
/// lost. Every wait for the server has a timeout. Errors are exceptions: Problem.
///
/// Nothing depends on the state of the server's session, so that a pooler such as PgBouncer may
/// give each transaction another connection to the server.
class Session {
 public:
  /// A connection to the server at a URL, which libpq completes from its environment and files.
  /// Error: `usage`, if the URL cannot be read (postgres/url.h).
  static core::Result<Session> to(const std::string& url);

  /// Runs a statement in the open transaction, or else in its own. `sql` must be the same object
  /// each time. Outside a transaction, the statement is prepared at its second use, so that a
  /// command that needs it once saves a round trip.
  Rows run(const std::string& sql, const Parameters& parameters = {});
  /// Runs a statement without preparing it.
  Rows run_once(const std::string& sql, const Parameters& parameters);
  /// Runs several statements without parameters, as one transaction if they begin none.
  void execute(const std::string& sql);
  /// The same, for statements that may take minutes.
  void execute_long(const std::string& sql);

  /// Runs `work` in a transaction, and again after a deadlock or a lost connection. Commits durably
  /// if `work` returns true, else rolls back.
  ///
  /// If the reply to the commit is lost, `work` is run again in a new transaction, in which it must
  /// not change what it has changed already. Throws a Problem with the code `outcome_unknown` if
  /// this does not settle whether the change was made.
  void change(const std::function<bool()>& work);
  /// The same with another statement that begins the transaction.
  void transact(const std::string& begin, const std::function<bool()>& work);

  /// Runs `work`, which is one statement, and, outside a transaction, again after a deadlock or a
  /// lost connection.
  template <typename Work>
  auto ask(const Work& work) -> decltype(work()) {
    return ask(work, Repeat::always);
  }
  /// The same for a statement that must not be executed twice, such as one that counts: it is not
  /// sent again after the connection was lost.
  template <typename Work>
  auto ask_once(const Work& work) -> decltype(work()) {
    return ask(work, Repeat::unless_executed);
  }

  /// Runs `work`, in which all waits for the server together take no longer than `time`.
  template <typename Work>
  auto within(std::chrono::milliseconds time, const Work& work) -> decltype(work()) {
    const Limit limit(limit_, Clock::now() + time);
    return work();
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

  /// Where the store is, for messages: hosts and database, no password.
  [[nodiscard]] const std::string& place() const { return connector_.place(); }

 private:
  using Clock = Connector::Clock;
  /// When a statement is repeated.
  enum class Repeat {
    always,          ///< also after the connection was lost
    unless_executed  ///< only if the server has surely not executed it
  };
  class Limit {
   public:
    Limit(std::optional<Clock::time_point>& limit, Clock::time_point until) : limit_(limit) {
      limit_ = until;
    }
    Limit(const Limit&) = delete;
    Limit& operator=(const Limit&) = delete;
    ~Limit() { limit_.reset(); }

   private:
    std::optional<Clock::time_point>& limit_;
  };

  Session(std::string url, std::string place) : connector_(std::move(url), std::move(place)) {}

  template <typename Work>
  auto ask(const Work& work, Repeat rule) -> decltype(work()) {
    if (is_in_transaction_) {
      return work();
    }
    std::optional<decltype(work())> answer;
    repeat([&] { answer.emplace(work()); }, rule);
    return *std::move(answer);
  }

  void repeat(const std::function<void()>& work, Repeat rule);
  /// Runs a transaction again whose commit was sent, until it is known whether it was made.
  void settle(const std::function<bool()>& transaction, const std::string& why);
  void begin(const std::string& sql);
  void commit();
  void abandon();
  PGconn* connected();
  void connect();
  Rows receive(std::chrono::milliseconds patience);
  /// Waits until the server has sent something; false: not until then.
  bool wait(Clock::time_point until);
  void forget_connection();
  [[noreturn]] void lose(const std::string& why);
  [[noreturn]] void give_up(bool is_hanging);
  void send(int sent);
  void visit_cursor(const std::string& query, const Parameters& parameters,
                    const std::function<bool(const Rows&, int row)>& visit);
  Rows fetch();
  [[nodiscard]] Refused describe(const PGresult* result) const;

  Connector connector_;
  Connection connection_;
  // The names of statements, by the address of their text; empty after one use.
  std::map<const std::string*, std::string> prepared_;
  std::string name_prefix_;
  // Of all connections: a pooler may give a new one the statements of an old one.
  int last_name_ = 0;
  bool is_preparing_ = true;
  std::optional<Clock::time_point> limit_;
  Clock::time_point unresponsive_until_;
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
