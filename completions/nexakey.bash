# bash completion for nexakey

_nexakey() {
  local line=${COMP_LINE:0:COMP_POINT} words=() part cur directive=
  # Bash splits words at '=' and ':', which are part of words here: --output=json, sqlite:PATH.
  for part in "${COMP_WORDS[@]:0:COMP_CWORD+1}"; do
    if [[ ${#words[@]} == 0 || $line == [[:blank:]]* ]]; then
      line=${line#"${line%%[![:blank:]]*}"}
      words+=('')
    fi
    part=${line:0:${#part}}
    line=${line:${#part}}
    words[-1]+=$part
  done
  cur=${words[-1]}
  # Bash would repeat the text before the last part, which is already typed.
  [[ $part == [=:] ]] && part=
  local typed=${cur%"$part"} quote=
  [[ $cur == [\'\"]* ]] && quote=${cur:0:1}
  words=("${words[@]//[\\\'\"]/}")

  COMPREPLY=()
  while IFS= read -r line; do
    case $line in
      :*) directive=${line#:} ;;
      *)
        line=${line%%$'\t'*}
        # Within quotes no escaping is needed; elsewhere some characters need a backslash.
        [[ $quote ]] && line=$quote$line || printf -v line %q "$line"
        line=${line#"$typed"}
        COMPREPLY+=("${line#"$quote"}")
        ;;
    esac
  done < <("${1/#\~/$HOME}" __complete "${words[@]:1}" 2>/dev/null)
  [[ $directive == files ]] && compopt -o default
}

complete -F _nexakey nexakey
