/* The peer of `verify --batch`: a loop that does nothing but look keys up by their hash, with one
   prepared statement, 64 to a transaction, and SQLite's defaults. Reads hex hashes, a line each. */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { hash_size = 32, batch = 64 };

static void die(sqlite3* db, const char* what) {
  fprintf(stderr, "select_loop: %s: %s\n", what, db ? sqlite3_errmsg(db) : "failed");
  exit(1);
}

static unsigned nibble(char c) { return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10); }

static unsigned char* read_hashes(const char* path, size_t* count) {
  FILE* file = fopen(path, "r");
  if (!file) die(NULL, path);
  size_t capacity = 1 << 20;
  unsigned char* hashes = malloc(capacity * hash_size);
  char line[2 * hash_size + 2];
  *count = 0;
  while (hashes && fgets(line, sizeof line, file)) {
    if (*count == capacity) hashes = realloc(hashes, (capacity *= 2) * hash_size);
    for (size_t i = 0; hashes && i < hash_size; ++i) {
      hashes[*count * hash_size + i] =
          (unsigned char)(nibble(line[2 * i]) << 4 | nibble(line[2 * i + 1]));
    }
    ++*count;
  }
  fclose(file);
  if (!hashes) die(NULL, "memory");
  return hashes;
}

int main(int argc, char** argv) {
  if (argc != 3) die(NULL, "usage: select_loop STORE HASHES");
  size_t count = 0;
  unsigned char* hashes = read_hashes(argv[2], &count);
  sqlite3* db = NULL;
  sqlite3_stmt *begin = NULL, *commit = NULL, *select = NULL;
  if (sqlite3_open(argv[1], &db) != SQLITE_OK) die(db, "open");
  sqlite3_prepare_v2(db, "BEGIN", -1, &begin, NULL);
  sqlite3_prepare_v2(db, "COMMIT", -1, &commit, NULL);
  if (sqlite3_prepare_v2(db,
                         "SELECT id, workspace, scopes, whitelist, rate_limit, expires_at,"
                         " suspended_at, revoked_at FROM api_keys WHERE hash = ?",
                         -1, &select, NULL) != SQLITE_OK) {
    die(db, "prepare");
  }
  struct timespec start, end;
  clock_gettime(CLOCK_MONOTONIC, &start);
  size_t found = 0;
  for (size_t i = 0; i < count; ++i) {
    if (i % batch == 0) sqlite3_step(begin), sqlite3_reset(begin);
    sqlite3_bind_blob(select, 1, hashes + i * hash_size, hash_size, SQLITE_STATIC);
    if (sqlite3_step(select) == SQLITE_ROW) found += sqlite3_column_int64(select, 0) != 0;
    sqlite3_reset(select);
    if (i % batch == batch - 1 || i + 1 == count) sqlite3_step(commit), sqlite3_reset(commit);
  }
  clock_gettime(CLOCK_MONOTONIC, &end);
  const double seconds =
      (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9;
  printf("%zu %zu %.6f\n", count, found, seconds);
  sqlite3_finalize(begin), sqlite3_finalize(commit), sqlite3_finalize(select);
  sqlite3_close(db);
  free(hashes);
  return 0;
}
