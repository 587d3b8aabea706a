#include "store/postgres/session.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>
#include <thread>
#include <utility>

#include <poll.h>

#include "store/newer_schema.h"
#include "store/postgres/migrations.h"
#include "store/postgres/text_form.h"
#include "store/postgres/url.h"
#include "system/random.h"

namespace nexakey::store::postgres {
namespace {

using core::Result;
using std::chrono::milliseconds;

/// How long a server may take to respond while it accepts connections; queries that read the whole
/// store have more time. The server stops waiting for locks a little earlier (lock_timeout).
constexpr milliseconds kPatience{6000};
constexpr milliseconds kLongPatience{300'000};

/// A server that has not responded for so long is asked for another connection. If it does not
/// respond to that either, it hangs. The pause between two checks doubles.
constexpr milliseconds kFirstCheck{800};
constexpr milliseconds kMaxPause{10'000};
constexpr milliseconds kCheckTime{3000};
/// For so long a server that hangs is not asked again, so that the requests that wait behind one
/// another do not wait for it one after the other.
constexpr milliseconds kPauseOfHanging{500};

constexpr int kMaxAttempts = 5;
/// How long the outcome of a commit is looked for.
constexpr milliseconds kSettleTime{5000};
constexpr milliseconds kSettlePause{100};
constexpr int kStreamRows = 1000;

/// The error of nexakey.check_format.
constexpr std::string_view kNewerSchema = "NK001";
/// A function of the schema is not there, or has other parameters (undefined_function).
constexpr std::string_view kNoFunction = "42883";

/// The statements that begin a transaction and call a function of the schema. A pooler gives each
/// transaction another session, so settings are those of the transaction.
std::string begin_statement(const std::string& characteristics, const std::string& function) {
  return "BEGIN ISOLATION LEVEL " + characteristics +
         "; SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 5000; SELECT nexakey." +
         function + "(" + std::to_string(newest_schema()) + ")";
}

/// The reply to a commit was lost, or does not come.
class CommitLost : public Problem {
 public:
  CommitLost(const Problem& problem, bool is_hanging) : Problem(problem), is_hanging_(is_hanging) {}
  [[nodiscard]] bool is_hanging() const { return is_hanging_; }

 private:
  bool is_hanging_;
};

Problem unknown(const std::string& why) {
  return Problem(why + "; it is not known whether the change was made", "",
                 core::ErrorCode::outcome_unknown);
}

/// Whether the server has closed a connection on which nothing is expected.
bool has_ended(PGconn* connection) {
  constexpr int kMaxReads = 16;
  const Libpq& pq = libpq();
  for (int read = 0; read < kMaxReads; ++read) {
    pollfd ready{.fd = pq.socket(connection), .events = POLLIN, .revents = 0};
    if (::poll(&ready, 1, 0) <= 0) {
      break;
    }
    if (pq.consume_input(connection) != 1) {
      return true;
    }
    pq.is_busy(connection);  // takes in notices and the values of settings
  }
  return pq.status(connection) != CONNECTION_OK;
}

/// A name that no other process gives to a prepared statement: a pooler lets them share
/// connections.
std::string random_prefix() {
  std::array<std::uint8_t, 8> bytes{};
  if (!system::random_bytes(bytes)) {
    throw Problem("the random number generator failed");
  }
  return "nexakey_" + hex_form(std::as_bytes(std::span(bytes))).substr(2) + "_";
}

}  // namespace

Result<Session> Session::to(const std::string& url) {
  return read_place(url).map([&](std::string place) { return Session(url, std::move(place)); });
}

void Session::forget_connection() {
  connection_.reset();
  prepared_.clear();
  is_in_transaction_ = false;
  is_changing_ = false;
}

void Session::connect() {
  if (Clock::now() < unresponsive_until_) {
    give_up(false);
  }
  try {
    connection_ = connector_.open(limit_.value_or(Clock::time_point::max()));
  } catch (const Unresponsive&) {
    unresponsive_until_ = Clock::now() + kPauseOfHanging;
    throw;
  }
}

PGconn* Session::connected() {
  if (connection_ && !is_in_transaction_ && has_ended(connection_.get())) {
    forget_connection();
  }
  if (!connection_) {
    connect();
  }
  return connection_.get();
}

void Session::lose(const std::string& why) {
  forget_connection();
  throw ConnectionLost("the store " + place() + " cannot be reached: " + why,
                       why.ends_with("statement pooling mode")
                           ? "set pool_mode of PgBouncer to transaction or session"
                           : "");
}

void Session::give_up(bool is_hanging) {
  if (is_hanging) {
    unresponsive_until_ = Clock::now() + kPauseOfHanging;
  }
  forget_connection();
  throw Unresponsive("the store " + place() + " does not respond", "try again");
}

void Session::send(int sent) {
  if (sent != 1) {
    lose(first_line(libpq().error_message(connection_.get())));
  }
}

bool Session::wait(Clock::time_point until) {
  const Libpq& pq = libpq();
  const int unsent = pq.flush(connection_.get());
  const auto left = std::chrono::ceil<milliseconds>(until - Clock::now());
  pollfd ready{.fd = pq.socket(connection_.get()),
               .events = static_cast<short>(unsent == 1 ? POLLIN | POLLOUT : POLLIN),
               .revents = 0};
  const int count = left.count() <= 0 ? 0 : ::poll(&ready, 1, static_cast<int>(left.count()));
  if (unsent < 0 || (count < 0 && errno != EINTR)) {
    lose("the connection broke");
  }
  return count != 0;
}

/// Receives the last result of what was sent.
Rows Session::receive(milliseconds patience) {
  const Libpq& pq = libpq();
  PGconn* const connection = connection_.get();
  const auto until = limit_.value_or(Clock::now() + patience);
  milliseconds pause = kFirstCheck;
  auto check = limit_.value_or(Clock::now() + pause);
  std::optional<Rows> rows;
  std::optional<Refused> refused;
  for (;;) {
    while (pq.is_busy(connection) != 0) {
      if (!wait(std::min(until, check))) {
        const bool is_hanging =
            limit_.has_value() || !connector_.is_alive(Clock::now() + kCheckTime);
        if (is_hanging || Clock::now() >= until) {
          give_up(is_hanging);
        }
        pause = std::min(2 * pause, kMaxPause);
        check = Clock::now() + pause;
      }
      if (pq.consume_input(connection) != 1) {
        lose(first_line(pq.error_message(connection)));
      }
    }
    PGresult* const result = pq.get_result(connection);
    if (result == nullptr) {
      break;
    }
    rows.emplace(result);
    const ExecStatusType status = pq.result_status(result);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK && !refused) {
      refused = describe(result);
    }
  }
  if (pq.status(connection) != CONNECTION_OK) {
    lose(first_line(pq.error_message(connection)));
  }
  if (refused) {
    throw *std::move(refused);
  }
  if (!rows) {
    lose("it did not respond");
  }
  return *std::move(rows);
}

Refused Session::describe(const PGresult* result) const {
  const auto field = [&](int code) {
    const char* const text = libpq().result_error_field(result, code);
    return text == nullptr ? std::string() : first_line(text);
  };
  const std::string state = field(PG_DIAG_SQLSTATE);
  const std::string store = "the store " + place();
  if (state == "25006") {
    return {state, store + " is read-only",
            "name the primary server, or all servers with target_session_attrs=read-write"};
  }
  if (state == "53100") {
    return {state, "the disk of " + store + " is full", "make room on it"};
  }
  if (state == "57014" || state == "55P03" || state == "40P01" || state == "40001") {
    return {state, store + " is busy", "try again"};
  }
  if (state == "42501") {
    return {state, store + " does not permit that: " + field(PG_DIAG_MESSAGE_PRIMARY),
            "grant what docs/postgresql.md lists"};
  }
  if (state == kNewerSchema) {
    const core::Error newer = newer_schema(store, field(PG_DIAG_MESSAGE_PRIMARY), newest_schema());
    return {state, newer.message, newer.hint};
  }
  if (state == kNoFunction) {
    return {state, store + " was upgraded by a newer nexakey, which has other functions",
            kInstallNewer};
  }
  return {state, store + " failed: " + field(PG_DIAG_MESSAGE_PRIMARY), ""};
}

Rows Session::run_once(const std::string& sql, const Parameters& parameters) {
  PGconn* const connection = connected();
  const auto values = parameters.values();
  send(libpq().send_query_params(connection, sql.c_str(), static_cast<int>(values.size()), nullptr,
                                 values.data(), nullptr, nullptr, 0));
  return receive(kPatience);
}

Rows Session::run(const std::string& sql, const Parameters& parameters) {
  const Libpq& pq = libpq();
  PGconn* const connection = connected();
  const auto [use, is_first] = prepared_.try_emplace(&sql, "");
  if (is_first || !is_preparing_ || is_in_transaction_) {
    return run_once(sql, parameters);
  }
  if (use->second.empty()) {
    if (name_prefix_.empty()) {
      name_prefix_ = random_prefix();
    }
    const std::string name = name_prefix_ + std::to_string(++last_name_);
    send(pq.send_prepare(connection, name.c_str(), sql.c_str(), 0, nullptr));
    receive(kPatience);
    use->second = name;
  }
  const auto values = parameters.values();
  send(pq.send_query_prepared(connection, use->second.c_str(), static_cast<int>(values.size()),
                              values.data(), nullptr, nullptr, 0));
  return receive(kPatience);
}

void Session::execute(const std::string& sql) {
  PGconn* const connection = connected();
  send(libpq().send_query(connection, sql.c_str()));
  receive(kPatience);
}

void Session::execute_long(const std::string& sql) {
  PGconn* const connection = connected();
  send(libpq().send_query(connection, sql.c_str()));
  receive(kLongPatience);
}

void Session::begin(const std::string& sql) {
  PGconn* const connection = connected();
  is_in_transaction_ = true;  // even if only the first of its statements succeeds
  send(libpq().send_query(connection, sql.c_str()));
  receive(kPatience);
}

void Session::commit() {
  try {
    execute("COMMIT");
  } catch (const ConnectionLost& lost) {
    throw CommitLost(lost, false);
  } catch (const Unresponsive& hanging) {
    throw CommitLost(hanging, true);
  }
  is_in_transaction_ = false;
  is_changing_ = false;
}

/// Ends the transaction that an error, a decision or the end of a visit left open.
void Session::abandon() {
  is_changing_ = false;
  if (!connection_ || !std::exchange(is_in_transaction_, false)) {
    return;
  }
  try {
    execute("ROLLBACK");
  } catch (const Problem&) {
    forget_connection();
  }
}

void Session::change(const std::function<bool()>& work) {
  transact(begin_statement("READ COMMITTED", "begin_change"), work);
}

void Session::transact(const std::string& statement, const std::function<bool()>& work) {
  const auto transaction = [&] {
    begin(statement);
    is_changing_ = true;
    const bool is_kept = work();
    is_kept ? commit() : abandon();
    return is_kept;
  };
  try {
    repeat(transaction, Repeat::always);
  } catch (const CommitLost& lost) {
    if (lost.is_hanging()) {
      throw unknown(lost.what());
    }
    settle(transaction, lost.what());
  }
}

void Session::settle(const std::function<bool()>& transaction, const std::string& why) {
  for (const auto until = Clock::now() + kSettleTime; Clock::now() < until;
       std::this_thread::sleep_for(kSettlePause)) {
    try {
      if (transaction()) {
        return;
      }
      break;  // refused: others have changed what it was about since, or it was refused before
    } catch (const Unresponsive&) {
      break;
    } catch (const CommitLost& lost) {
      if (lost.is_hanging()) {
        break;
      }
    } catch (const Problem&) {
      abandon();
    } catch (...) {
      abandon();
      throw;
    }
  }
  throw unknown(why);
}

void Session::repeat(const std::function<void()>& work, Repeat rule) {
  for (int attempt = 1;; ++attempt) {
    try {
      work();
      return;
    } catch (const Refused& refused) {
      abandon();
      if (refused.is_read_only()) {
        forget_connection();  // by now another server may be the primary one
      }
      if (refused.is_unprepared()) {
        is_preparing_ = false;
      } else if (!refused.is_transient() || attempt == kMaxAttempts) {
        throw;
      }
    } catch (const ConnectionLost&) {
      if (rule == Repeat::unless_executed || attempt == kMaxAttempts) {
        throw;
      }
    } catch (...) {
      abandon();
      throw;
    }
  }
}

void Session::view(const std::function<void()>& work) {
  const std::string statement = begin_statement("REPEATABLE READ READ ONLY", "check_format");
  repeat([&] { begin(statement); }, Repeat::always);
  try {
    work();
  } catch (...) {
    abandon();
    throw;
  }
  abandon();
}

void Session::stream(const std::string& query, const Parameters& parameters,
                     const std::function<bool(const Rows&, int row)>& visit) {
  if (!is_in_transaction_) {
    return view([&] { visit_cursor(query, parameters, visit); });
  }
  visit_cursor(query, parameters, visit);
  execute("CLOSE listed");
}

void Session::visit_cursor(const std::string& query, const Parameters& parameters,
                           const std::function<bool(const Rows&, int row)>& visit) {
  const auto values = parameters.values();
  send(libpq().send_query_params(
      connected(), ("DECLARE listed NO SCROLL CURSOR FOR " + query).c_str(),
      static_cast<int>(values.size()), nullptr, values.data(), nullptr, nullptr, 0));
  receive(kLongPatience);
  for (;;) {
    const Rows rows = fetch();
    for (int row = 0; row < rows.size(); ++row) {
      if (!visit(rows, row)) {
        return;
      }
    }
    if (rows.size() < kStreamRows) {
      return;
    }
  }
}

Rows Session::fetch() {
  send(libpq().send_query(connection_.get(),
                          ("FETCH " + std::to_string(kStreamRows) + " FROM listed").c_str()));
  return receive(kLongPatience);
}

}  // namespace nexakey::store::postgres
