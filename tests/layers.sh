#!/usr/bin/env bash
# Checks which folders include which. The arrows run one way: cli → server, scan → store → core and
# system; completions include nothing. Only its own folder, store/open.cpp and tests name a storage
# backend, which is a folder below store/. The folders are read from the tree, so that new ones are
# checked too.
#
# tests/layers.sh [ROOT]       checks the sources below ROOT (default: this repository)
# tests/layers.sh --self-test  checks that each rule refuses a file that violates it
set -euo pipefail

# The folders that each folder may include. One that is not listed is an error.
declare -rA allowed=(
  [core]='core'
  [system]='system'
  [store]='core system store'
  [server]='core system store server'
  [scan]='core system store scan'
  [completions]='completions'
  [cli]='core system store server scan completions cli'
)

# What core may not include: headers of the operating system, and of streams and files.
readonly io_headers='cstdio|dirent\.h|dlfcn\.h|fcntl\.h|filesystem|fstream|grp\.h|iostream|linux/[^">]*|netdb\.h|netinet/[^">]*|poll\.h|pthread\.h|pwd\.h|signal\.h|csignal|spawn\.h|stdio\.h|sys/[^">]*|syncstream|syslog\.h|termios\.h|thread|unistd\.h'

status=0
complain() {
  echo "layers: $1"
  status=1
}

# includes FOLDER: the lines FILE:LINE:#include… of its sources.
includes() {
  grep -rnE --include='*.h' --include='*.cpp' --include='*.in' --include='*.inc' --include='*.c' \
    '^[[:space:]]*#[[:space:]]*include\b' "$1" || true
}

check_arrows() {
  local folder=$1 line name
  while IFS= read -r line; do
    [[ $line =~ include[[:space:]]*[\<\"]([^\>\"]*)[\>\"] ]] || continue
    name=${BASH_REMATCH[1]}
    if [[ $name == *..* ]]; then
      complain "$line: include by the path from the top of the repository"
    elif [[ -d ${name%%/*} && $name == */* && " ${allowed[$folder]} " != *" ${name%%/*} "* ]]; then
      complain "$line: $folder may include ${allowed[$folder]} alone"
    fi
  done < <(includes "$folder")
}

check_core_io() {
  local line
  while IFS= read -r line; do
    complain "$line: core does no I/O"
  done < <(includes core | grep -E "include[[:space:]]*[<\"]($io_headers)[>\"]" || true)
}

# Other folders use neither its headers nor its namespace nor its CMake target.
check_backend() {
  local backend=$1 line
  while IFS= read -r line; do
    complain "$line: only store/open.cpp names the backend $backend"
  done < <(grep -rnE --include='*.h' --include='*.cpp' --include='*.in' --include='*.inc' --include=CMakeLists.txt \
    "store/$backend/|store::$backend\b|namespace $backend[[:space:]]*\{|\bnexakey_store_$backend\b" "${folders[@]}" |
    grep -vE "^store/($backend/|open\.cpp:|CMakeLists\.txt:)" || true)
}

check() {
  cd "$1"
  local folder
  folders=()
  # Every folder with sources, except for tests and benchmarks, which may use everything.
  for folder in */; do
    folder=${folder%/}
    [[ $folder != @(tests|bench|build) ]] || continue
    [[ -n $(find "$folder" \( -name '*.cpp' -o -name '*.h' \) -print -quit) ]] || continue
    if [[ -z ${allowed[$folder]-} ]]; then
      complain "$folder/: list in tests/layers.sh which folders it may include"
      continue
    fi
    folders+=("$folder")
  done
  for folder in "${folders[@]}"; do
    check_arrows "$folder"
  done
  check_core_io
  for folder in store/*/; do
    check_backend "$(basename "$folder")"
  done
}

# violate FILE LINE: appends the line to a file of the copy.
violate() {
  mkdir -p "$tree/${1%/*}"
  echo "$2" >>"$tree/$1"
  violations+=("layers: $1:$(wc -l <"$tree/$1"):")
}

# Violates each rule in a copy of the sources, and checks that exactly these places are reported.
self_test() {
  local scratch backend violation output violations=()
  scratch=$(mktemp -d)
  trap "rm -rf $scratch" EXIT
  tree=$scratch/tree
  mkdir "$tree"
  cp -r "${!allowed[@]}" "$tree"
  violate core/key.h '#include "store/key_store.h"'
  violate core/key.h '#  include <system/library.h>'
  violate core/text.cpp '#include <fstream>'
  violate core/text.cpp '#include <sys/socket.h>'
  violate core/text.cpp '#include <dlfcn.h>'
  violate core/text.cpp '#include "../cli/app.h"'
  violate system/library.h '#include "store/open.h"'
  violate system/library.h '#include "core/text.h"'
  violate store/open.cpp '#include "server/server.h"'
  violate store/open.cpp '#include "scan/git.h"'
  violate store/sqlite/engine.cpp '#include "cli/output.h"'
  violate server/server.cpp '#include "scan/git.h"'
  violate server/server.cpp '#include "cli/output.h"'
  violate scan/git.cpp '#include "cli/output.h"'
  violate scan/git.cpp '#include "server/server.h"'
  violate completions/scripts.h '#include "core/text.h"'
  mkdir "$tree/store/redis"  # as a backend that is added later
  for backend in "$tree"/store/*/; do
    backend=$(basename "$backend")
    violate cli/app.cpp "#include \"store/$backend/store.h\""
    violate server/server.cpp "std::unique_ptr<store::$backend::Store> store;"
    violate store/key_store.h "namespace $backend { class Store; }"
    violate scan/CMakeLists.txt "target_link_libraries(nexakey_scan PRIVATE nexakey_store_$backend)"
  done
  mkdir "$tree/plugins"
  touch "$tree/plugins/new.cpp"
  violations+=('layers: plugins/: ')

  output=$("$script" "$tree") && complain 'the copy with violations passes'
  for violation in "${violations[@]}"; do
    [[ $output == *"$violation"* ]] || complain "not found: $violation"
  done
  [[ $(wc -l <<<"$output") == "${#violations[@]}" ]] || complain "found more: $output"
}

script=$(realpath "$0")
cd "$(dirname "$script")/.."
if [[ ${1-} == --self-test ]]; then
  self_test
else
  check "${1-.}"
fi
exit "$status"
