#compdef %[1]s
# zsh completion for %[1]s
_%[1]s() {
  local -a found
  local cur=${words[-1]}
  if [[ $cur == -* ]]; then
    found=("${(@f)$(${words[@]:0:#words[@]-1} $cur --generate-bash-completion 2>/dev/null)}")
  else
    found=("${(@f)$(${words[@]:0:#words[@]-1} --generate-bash-completion 2>/dev/null)}")
  fi
  if [[ -n ${found[1]} ]]; then _describe values found; else _files; fi
}
compdef _%[1]s %[1]s
