#pragma once

#include <functional>
#include <string>

namespace nexakey::store::sqlite {

/// Calls `visit` with each file that a process has open and whose path begins with `prefix`:
/// the id of the process and the path, which ends with " (deleted)" if the file was deleted or
/// replaced. Only root sees the processes of all users in /proc.
void visit_open_files(
    const std::string& prefix,
    const std::function<void(const std::string& process, const std::string& path)>& visit);

/// The other processes that read the database right now, for messages, by the locks that they have
/// on the index of the log (https://sqlite.org/walformat.html#wal_locks): "process 1234 (sqlite3)".
/// Empty if none is visible.
std::string describe_readers(const std::string& log_index);

/// The other processes that have files open whose paths begin with `prefix`, for messages: "process
/// 1234 (nexakey), process 1240 (nexakey)"; empty if none is visible.
std::string describe_processes(const std::string& prefix);

}  // namespace nexakey::store::sqlite
