# Runs after the lines under Install: the binary works for a user without any settings.
[[ $(command -v nexakey) == /usr/local/bin/nexakey ]]
[[ $(nexakey --version) == "nexakey "* ]]
[[ -f /usr/local/share/man/man1/nexakey-create.1 ]]
[[ -f /usr/local/share/bash-completion/completions/nexakey ]]

key=$(nexakey create demo --scope read --quiet)
NEXAKEY_KEY=$key nexakey verify --path /v1/leads
[[ $(nexakey list --quiet | wc -l) == 1 ]]
rm -r ~/.local
