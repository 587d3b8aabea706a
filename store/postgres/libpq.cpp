#include "store/postgres/libpq.h"

#include "store/postgres/problem.h"
#include "system/library.h"

namespace nexakey::store::postgres {
namespace {

Libpq load() {
  system::Library library("libpq.so.5");
  Libpq pq{};
  library.find(pq.conninfo_parse, "PQconninfoParse");
  library.find(pq.conninfo_free, "PQconninfoFree");
  library.find(pq.conninfo, "PQconninfo");
  library.find(pq.connect_start, "PQconnectStartParams");
  library.find(pq.connect_poll, "PQconnectPoll");
  library.find(pq.finish, "PQfinish");
  library.find(pq.status, "PQstatus");
  library.find(pq.server_version, "PQserverVersion");
  library.find(pq.socket, "PQsocket");
  library.find(pq.error_message, "PQerrorMessage");
  library.find(pq.set_notice_processor, "PQsetNoticeProcessor");
  library.find(pq.set_nonblocking, "PQsetnonblocking");
  library.find(pq.send_query, "PQsendQuery");
  library.find(pq.send_query_params, "PQsendQueryParams");
  library.find(pq.send_prepare, "PQsendPrepare");
  library.find(pq.send_query_prepared, "PQsendQueryPrepared");
  library.find(pq.flush, "PQflush");
  library.find(pq.consume_input, "PQconsumeInput");
  library.find(pq.is_busy, "PQisBusy");
  library.find(pq.get_result, "PQgetResult");
  library.find(pq.clear, "PQclear");
  library.find(pq.result_status, "PQresultStatus");
  library.find(pq.result_error_field, "PQresultErrorField");
  library.find(pq.rows, "PQntuples");
  library.find(pq.value, "PQgetvalue");
  library.find(pq.length, "PQgetlength");
  library.find(pq.is_null, "PQgetisnull");
  if (!library.is_whole()) {
    throw Problem("cannot load PostgreSQL's library libpq.so.5", "install libpq5");
  }
  return pq;
}

}  // namespace

const Libpq& libpq() {
  static const Libpq pq = load();
  return pq;
}

}  // namespace nexakey::store::postgres
