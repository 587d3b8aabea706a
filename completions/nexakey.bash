# bash completion for nexakey

_nexakey() {
  local cur words cword line directive=
  # ':' and '=' are parts of a word here: sqlite:PATH, --output=json
  if declare -F _get_comp_words_by_ref >/dev/null; then
    _get_comp_words_by_ref -n :=  cur words cword
  else
    cur=${COMP_WORDS[COMP_CWORD]} words=("${COMP_WORDS[@]}") cword=$COMP_CWORD
  fi

  COMPREPLY=()
  while IFS= read -r line; do
    case $line in
      :*) directive=${line#:} ;;
      *) COMPREPLY+=("$(printf '%q' "${line%%$'\t'*}")") ;;
    esac
  done < <("${words[0]}" __complete "${words[@]:1:cword}" 2>/dev/null)

  if [[ $directive == files ]]; then
    compopt -o filenames
    mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$cur")
  fi
  if declare -F __ltrim_colon_completions >/dev/null; then
    __ltrim_colon_completions "$cur"
  fi
  # What stands before '=' is typed already, and bash would repeat it.
  if [[ $cur == --*=* && $COMP_WORDBREAKS == *=* ]]; then
    COMPREPLY=("${COMPREPLY[@]#"${cur%%=*}="}")
  fi
}

complete -F _nexakey nexakey
