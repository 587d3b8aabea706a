# Runs after the lines of README.md that install the package: uses it as an administrator and a
# gateway do, and removes it.
[[ $(command -v nexakey) == /usr/bin/nexakey ]]
dpkg --status adduser libssl3 libsqlite3-0 | grep --quiet '^Status: install ok installed'

# The key of README.md is in the store of the service, whose owner owns all of it.
[[ $(sudo nexakey list --quiet | wc -l) == 1 ]]
[[ $(sudo stat --format %U:%a /var/lib/nexakey/keys.db) == nexakey:600 ]]
[[ -z $(sudo find /var/lib/nexakey ! -user nexakey) ]]
[[ -z $(sudo find /root /home -name keys.db) ]]
systemctl is-enabled nexakey.socket

# systemd does not run here: start the service as its unit does.
sudo install -d -o nexakey -g nexakey /run/nexakey
sudo -u nexakey nexakey serve --listen unix:/run/nexakey/auth.sock --trusted-proxy unix &
server=$!
for _ in {1..100}; do
  [[ ! -S /run/nexakey/auth.sock ]] || break
  sleep 0.1
done
(umask 077 && sudo nexakey token create ann --role admin --quiet >ann.token)
remote=(sudo -u ann -g nexakey nexakey --store unix:/run/nexakey/auth.sock --token-file ann.token)
[[ $("${remote[@]}" list --quiet) == $(sudo nexakey list --quiet) ]]
"${remote[@]}" revoke crm --yes
[[ $(sudo nexakey list --status active --quiet) == "" ]]
sudo kill "$server"
wait "$server"

# Changes of an administrator stay until the package is purged; the keys stay even then.
echo '# ours' | sudo tee --append /etc/nexakey/config.toml
sudo apt remove nexakey
grep '# ours' /etc/nexakey/config.toml
[[ ! -e /usr/bin/nexakey ]]
sudo apt purge nexakey
[[ ! -e /etc/nexakey ]]
[[ $(sudo find /etc/systemd -name '*nexakey*') == "" ]]
sudo test -s /var/lib/nexakey/keys.db
