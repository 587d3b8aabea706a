# bash completion for nexakey

_nexakey() {
  local line=${COMP_LINE:0:COMP_POINT} words=() part cur directive=
  # Bash parts words at '=' and ':', which stand inside of words here: --output=json, sqlite:PATH.
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
  # What stands in front of the last part is typed already, and bash would repeat it.
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
        # Between quotes characters stand for themselves, elsewhere some need a backslash.
        [[ $quote ]] && line=$quote$line || printf -v line %q "$line"
        line=${line#"$typed"}
        COMPREPLY+=("${line#"$quote"}")
        ;;
    esac
  done < <("${1/#\~/$HOME}" __complete "${words[@]:1}" 2>/dev/null)
  [[ $directive == files ]] && compopt -o default
}

complete -F _nexakey nexakey
