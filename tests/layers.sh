#!/usr/bin/env bash
# Arrows run one way, cli → server → store → core, and a backend is named in one place only.
set -euo pipefail
cd "$(dirname "$0")/.."

status=0
# forbid FOLDERS PATTERN WHY: no file below the folders includes what the pattern matches.
forbid() {
  if grep -rnE --include='*.h' --include='*.cpp' "#include [\"<]($2)" $1; then
    echo "layers: $3"
    status=1
  fi
}

forbid "core" "store/|server/|cli/|completions/" "core stands on nothing of ours"
forbid "core" "fstream|iostream|filesystem|unistd|sys/|fcntl" "core does no I/O"
forbid "store" "server/|cli/|completions/" "store stands on core alone"
forbid "server" "cli/|completions/" "server stands on store and core"
forbid "completions" "core/|store/|server/|cli/" "the completion scripts stand on nothing"
forbid "cli server core" "store/(sqlite|http)/" "only store/open.cpp names a backend"
forbid "store/key_store.h store/open.h" "store/(sqlite|http)/" "the interface knows no backend"
exit "$status"
