#include "store/postgres/session.h"

#include <cerrno>
#include <cstdlib>
#include <utility>
#include <vector>

#include <poll.h>

#include "store/postgres/migrations.h"
#include "store/postgres/url.h"

namespace nexakey::store::postgres {
namespace {

using core::Result;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

/// How long a server may take to respond; queries that read the whole store have more time. The
/// server stops waiting for locks a little earlier (lock_timeout). It has no statement_timeout: if
/// that ended the wait of a commit for a standby, the server would report success.
constexpr milliseconds kPatience{6000};
constexpr milliseconds kLongPatience{300'000};
constexpr const char* kConnectTimeout = "5";  // seconds, for each host

constexpr int kMaxAttempts = 5;
constexpr int kStreamRows = 1000;
constexpr int kOldestServer = 130'000;

/// The error of nexakey.check_format.
constexpr std::string_view kNewerSchema = "NK001";

const std::string kSetUp =
    "SET statement_timeout = 0; SET lock_timeout = 5000; SET bytea_output = hex;"
    " SET default_transaction_isolation = 'read committed'";

void ignore_notice(void* /*nothing*/, const char* /*message*/) {}

std::string first_line(const char* message) {
  const std::string_view text(message);
  return std::string(text.substr(0, text.find('\n')));
}

}  // namespace

Result<Session> Session::to(const std::string& url) {
  return read_place(url).map([&](std::string place) { return Session(url, std::move(place)); });
}

void Session::connect() {
  const Libpq& pq = libpq();
  // The URL overrides the parameters before it.
  std::vector<const char*> names{"fallback_application_name"};
  std::vector<const char*> values{"nexakey"};
  if (std::getenv("PGCONNECT_TIMEOUT") == nullptr) {
    names.push_back("connect_timeout");
    values.push_back(kConnectTimeout);
  }
  for (const auto& [name, value] :
       {std::pair("dbname", url_.c_str()), std::pair("client_encoding", "UTF8"),
        std::pair<const char*, const char*>(nullptr, nullptr)}) {
    names.push_back(name);
    values.push_back(value);
  }
  prepared_.clear();
  is_in_transaction_ = false;
  is_changing_ = false;
  connection_.reset(pq.connect(names.data(), values.data(), 1));
  if (connection_ == nullptr || pq.status(connection_.get()) != CONNECTION_OK) {
    const std::string why = connection_ == nullptr
                                ? std::string("out of memory")
                                : first_line(pq.error_message(connection_.get()));
    connection_.reset();
    throw ConnectionLost("the store " + place_ + " cannot be reached: " + why);
  }
  if (pq.server_version(connection_.get()) < kOldestServer) {
    connection_.reset();
    throw Problem("the server of " + place_ + " is older than PostgreSQL 13", "upgrade it");
  }
  pq.set_notice_processor(connection_.get(), ignore_notice, nullptr);
  pq.set_nonblocking(connection_.get(), 1);
  send(pq.send_query(connection_.get(), kSetUp.c_str()));
  receive(kPatience);
}

PGconn* Session::connected() {
  if (!connection_) {
    connect();
  }
  return connection_.get();
}

void Session::lose(const std::string& why) {
  connection_.reset();
  is_in_transaction_ = false;
  throw ConnectionLost("the store " + place_ + " cannot be reached: " + why);
}

void Session::send(int sent) {
  if (sent != 1) {
    lose(first_line(libpq().error_message(connection_.get())));
  }
}

void Session::wait(PGconn* connection, Clock::time_point until) {
  const Libpq& pq = libpq();
  const int unsent = pq.flush(connection);
  const auto left = std::chrono::ceil<milliseconds>(until - Clock::now());
  pollfd ready{.fd = pq.socket(connection),
               .events = static_cast<short>(unsent == 1 ? POLLIN | POLLOUT : POLLIN),
               .revents = 0};
  const int count = left.count() <= 0 ? 0 : ::poll(&ready, 1, static_cast<int>(left.count()));
  if (unsent < 0 || (count < 0 && errno != EINTR)) {
    lose("the connection broke");
  }
  if (count == 0) {
    // Not ConnectionLost: another attempt would only take as long again.
    connection_.reset();
    is_in_transaction_ = false;
    throw Problem("the store " + place_ + " does not answer", "try again");
  }
}

/// Receives the last result of what was sent.
Rows Session::receive(milliseconds patience) {
  const Libpq& pq = libpq();
  PGconn* const connection = connection_.get();
  const auto until = Clock::now() + patience;
  std::optional<Rows> rows;
  std::optional<Refused> refused;
  for (;;) {
    while (pq.is_busy(connection) != 0) {
      wait(connection, until);
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
  const std::string store = "the store " + place_;
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
    const core::Error newer = newer_schema(place_, field(PG_DIAG_MESSAGE_PRIMARY), newest_schema());
    return {state, newer.message, newer.hint};
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
  if (is_first) {
    return run_once(sql, parameters);
  }
  const auto values = parameters.values();
  const int count = static_cast<int>(values.size());
  if (use->second.empty()) {
    const std::string name = "nexakey_" + std::to_string(++last_name_);
    send(pq.send_prepare(connection, name.c_str(), sql.c_str(), 0, nullptr));
    receive(kPatience);
    use->second = name;
  }
  send(pq.send_query_prepared(connection, use->second.c_str(), count, values.data(), nullptr,
                              nullptr, 0));
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

void Session::begin() {
  PGconn* const connection = connected();
  is_in_transaction_ = true;  // even if only the first of its statements succeeds
  const std::string begin = "BEGIN ISOLATION LEVEL READ COMMITTED; SELECT nexakey.begin_change(" +
                            std::to_string(newest_schema()) + ")";
  send(libpq().send_query(connection, begin.c_str()));
  receive(kPatience);
}

void Session::end(bool is_commit) {
  is_committing_ = is_commit;
  execute(is_commit ? "COMMIT" : "ROLLBACK");
  is_committing_ = false;
  is_in_transaction_ = false;
  is_changing_ = false;
}

/// Ends the transaction that an error or the end of a visit left open.
void Session::abandon() {
  is_changing_ = false;
  if (!connection_ || !std::exchange(is_in_transaction_, false)) {
    return;
  }
  try {
    execute("ROLLBACK");
  } catch (const Problem&) {
    connection_.reset();
  }
}

void Session::change(const std::function<bool()>& work) {
  repeat([&] {
    begin();
    is_changing_ = true;
    end(work());
  });
}

void Session::repeat(const std::function<void()>& work) {
  for (int attempt = 1;; ++attempt) {
    const bool was_connected = connection_ != nullptr;
    try {
      work();
      return;
    } catch (const Refused& refused) {
      is_committing_ = false;
      abandon();
      if (refused.is_read_only()) {
        connection_.reset();  // by now another server may be the primary one
      }
      if (!refused.is_transient() || attempt == kMaxAttempts) {
        throw;
      }
    } catch (const ConnectionLost&) {
      check_outcome();
      if (!was_connected) {
        throw;
      }
    } catch (...) {
      check_outcome();
      abandon();
      throw;
    }
  }
}

void Session::check_outcome() {
  if (std::exchange(is_committing_, false)) {
    connection_.reset();
    throw Problem("the connection to the store " + place_ +
                      " was lost; it is not known whether the change was made",
                  "run the same command again");
  }
}

void Session::view(const std::function<void()>& work) {
  repeat([&] {
    connected();
    is_in_transaction_ = true;  // even if only the first of the statements succeeds
    execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT nexakey.check_format(" +
            std::to_string(newest_schema()) + ")");
  });
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
