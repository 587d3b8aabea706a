/* The peer of a revocation of many keys: one transaction that updates each key and adds an entry to
   the audit log, with prepared statements, and without the chain of hashes. */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static void die(sqlite3* db, const char* what) {
  fprintf(stderr, "revoke_loop: %s: %s\n", what, db ? sqlite3_errmsg(db) : "failed");
  exit(1);
}

static sqlite3_stmt* prepare(sqlite3* db, const char* sql) {
  sqlite3_stmt* statement = NULL;
  if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK) die(db, sql);
  return statement;
}

static void run(sqlite3* db, const char* sql) {
  if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK) die(db, sql);
}

static sqlite3_int64* read_ids(sqlite3* db, size_t* count) {
  sqlite3_stmt* select = prepare(db, "SELECT id FROM api_keys WHERE revoked_at IS NULL");
  size_t capacity = 1 << 20;
  sqlite3_int64* ids = malloc(capacity * sizeof *ids);
  for (*count = 0; ids && sqlite3_step(select) == SQLITE_ROW; ++*count) {
    if (*count == capacity) ids = realloc(ids, (capacity *= 2) * sizeof *ids);
    if (ids) ids[*count] = sqlite3_column_int64(select, 0);
  }
  sqlite3_finalize(select);
  if (!ids) die(NULL, "memory");
  return ids;
}

static void step(sqlite3* db, sqlite3_stmt* statement) {
  if (sqlite3_step(statement) != SQLITE_DONE) die(db, "step");
  sqlite3_reset(statement);
}

int main(int argc, char** argv) {
  if (argc != 2) die(NULL, "usage: revoke_loop STORE");
  sqlite3* db = NULL;
  if (sqlite3_open(argv[1], &db) != SQLITE_OK) die(db, "open");
  struct timespec start, end;
  clock_gettime(CLOCK_MONOTONIC, &start);
  run(db, "PRAGMA synchronous = FULL; BEGIN IMMEDIATE");
  size_t count = 0;
  sqlite3_int64* ids = read_ids(db, &count);
  const sqlite3_int64 now = (sqlite3_int64)time(NULL) * 1000;
  sqlite3_stmt* update =
      prepare(db, "UPDATE api_keys SET revoked_at = ?, revoke_reason = '' WHERE id = ?");
  sqlite3_stmt* insert = prepare(
      db,
      "INSERT INTO audit_log (at, action, actor, source, workspace, subject, details, hash)"
      " VALUES (?, 'revoke', 'bench', 'bench', 'default', ?,"
      " '{\"revoked_at\":{\"from\":null,\"to\":\"2026-06-01T12:00:00.000Z\"}}', zeroblob(32))");
  for (size_t i = 0; i < count; ++i) {
    char subject[32];
    snprintf(subject, sizeof subject, "key_%012llx", (unsigned long long)ids[i]);
    sqlite3_bind_int64(update, 1, now);
    sqlite3_bind_int64(update, 2, ids[i]);
    step(db, update);
    sqlite3_bind_int64(insert, 1, now);
    sqlite3_bind_text(insert, 2, subject, -1, SQLITE_STATIC);
    step(db, insert);
  }
  run(db, "COMMIT");
  clock_gettime(CLOCK_MONOTONIC, &end);
  printf("%zu %.6f\n", count,
         (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9);
  sqlite3_finalize(update), sqlite3_finalize(insert);
  sqlite3_close(db);
  free(ids);
  return 0;
}
