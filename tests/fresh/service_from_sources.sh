# Runs after the lines that set up the service without the package: the units are enabled, and the
# key is in the store of the service. Then everything is removed again.
systemctl is-enabled nexakey.socket
sudo systemd-analyze --man=no verify nexakey.socket nexakey.service
[[ $(sudo nexakey list --quiet | wc -l) == 1 ]]
[[ $(sudo stat --format %U:%a /var/lib/nexakey/keys.db) == nexakey:600 ]]

sudo systemctl disable nexakey.socket
sudo rm -r /etc/systemd/system/nexakey.* /etc/nexakey /var/lib/nexakey
sudo userdel nexakey
sudo xargs rm <build/install_manifest.txt
[[ -z $(find /usr/local -path '*nexakey*' ! -type d) ]]
