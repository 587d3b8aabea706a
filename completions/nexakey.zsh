#compdef nexakey

_nexakey() {
  local line directive= value description
  local -a candidates
  while IFS= read -r line; do
    if [[ $line == :* ]]; then
      directive=${line#:}
      continue
    fi
    value=${line%%$'\t'*}
    description=${line#*$'\t'}
    candidates+=("${value//:/\\:}${description:+:$description}")
  done < <("${words[1]}" __complete "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)

  (( ${#candidates} )) && _describe -V nexakey candidates
  if [[ $directive == files ]]; then
    compset -P '--*='
    compset -P 'sqlite:'
    _files
  fi
  return 0
}

# Registers the function if the script is sourced; if it is autoloaded, calls the function.
if [[ ${funcstack[1]} == _nexakey ]]; then
  _nexakey "$@"
else
  compdef _nexakey nexakey
fi
