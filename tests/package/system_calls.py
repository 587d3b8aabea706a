"""The service uses no system call that its unit forbids."""

import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from contextlib import closing, contextmanager

from steps import check, run
from units import settings

# The service does not run as root. As root, SQLite makes more system calls.
AS_USER = (("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups")
           if os.geteuid() == 0 else ())

# The system calls that systemd always allows (systemd.exec(5)).
ALWAYS = {"execve", "exit", "exit_group", "getrlimit", "rt_sigreturn", "sigreturn"}


def system_call_sets():
    """The names in each set that systemd knows, such as @system-service."""
    sets = {}
    for line in run("systemd-analyze", "--no-pager", "syscall-filter").splitlines():
        if line.startswith("@"):
            members = sets.setdefault(line.strip(), [])
        elif line.startswith("    ") and not line.lstrip().startswith("#"):
            members.append(line.strip())
    return sets


def expand(names, sets):
    """The system calls of a list that may contain nested sets."""
    calls = set()
    for name in names:
        calls |= expand(sets[name], sets) if name.startswith("@") else {name}
    return calls


def allowed_calls(unit):
    sets = system_call_sets()
    allowed = ALWAYS | expand(["@default"], sets)
    for value in settings(unit, "SystemCallFilter"):
        names = expand(value.removeprefix("~").split(), sets)
        allowed = allowed - names if value.startswith("~") else allowed | names
    return allowed


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self.path))


def ask(path, route, headers):
    with closing(UnixConnection(path)) as connection:
        connection.request("GET", route, headers=headers)
        return connection.getresponse().status


def use_service(root, folder, env):
    """Decisions of a gateway, administration over HTTP, export and import of the store."""
    def nexakey(*words):
        return run(*AS_USER, root / "usr/bin/nexakey", *words, env=env)

    key = nexakey("create", "crm", "--scope", "read", "--quiet").strip()
    token = folder / "token"
    nexakey("token", "create", "ops", "--role", "admin", "--secret-file", token)
    path = folder / "auth.sock"
    with started(root, folder, env) as server:
        about = {"X-Original-Method": "GET", "X-Original-URI": "/v1/leads",
                 "X-Real-IP": "198.51.100.7"}
        headers = about | {"Authorization": f"Bearer {key}"}
        check(ask(path, "/auth/nginx", headers) == 200, "the service does not admit a good key")
        check(ask(path, "/auth/nginx", about) == 401, "the service admits a request without a key")
        server.send_signal(signal.SIGHUP)
        remote = ("--store", f"unix:{path}", "--token-file", token)
        export = folder / "export"
        for words in (("create", "second", "--scope", "read", "--quiet"), ("list",), ("usage",),
                      ("rotate", "second", "--yes", "--quiet"), ("edit", "crm", "--rate-limit", "7"),
                      ("audit",), ("export", export), ("import", export), ("doctor",),
                      ("revoke", "crm", "--yes")):
            nexakey(*words, *remote)
        check(ask(path, "/auth/nginx", headers) == 401, "the service admits a revoked key")
        check(ask(folder / "metrics.sock", "/metrics", {}) == 200, "the service has no metrics")
        server.send_signal(signal.SIGTERM)
        check(server.wait(timeout=60) == 0, f"the service ended with {server.returncode}")


@contextmanager
def started(root, folder, env):
    """The service as the unit starts it, with its system calls in the file `calls` once it has ended.

    strace is not its parent: the socket is for the process that systemd has started.
    """
    unit = (root / "lib/systemd/system/nexakey.service").read_text(encoding="utf-8")
    [start] = settings(unit, "ExecStart")
    serve = start.replace("127.0.0.1:9465", f"unix:{folder}/metrics.sock").split()[1:]
    command = [*AS_USER, "systemd-socket-activate", f"--listen={folder}/auth.sock",
               "--setenv=HOME", "--setenv=NEXAKEY_SYSTEM_CONFIG",
               "strace", "--daemonize", "-f", "--summary-only", "--summary-columns=name",
               f"--output={folder}/calls", root / "usr/bin/nexakey", *serve]
    with open(folder / "log", "w", encoding="utf-8") as log:
        server = subprocess.Popen([str(word) for word in command], env=env, stdout=log, stderr=log)
    try:
        wait_for((folder / "auth.sock").exists, "systemd-socket-activate does not listen")
        yield server
    finally:
        server.kill()
        server.wait()


def wait_for(condition, message):
    give_up = time.monotonic() + 60
    while not condition():
        check(time.monotonic() < give_up, message)
        time.sleep(0.02)


def check_system_calls(root, folder):
    unit = (root / "lib/systemd/system/nexakey.service").read_text(encoding="utf-8")
    if AS_USER:
        shutil.chown(folder, "nobody", "nogroup")
    # The package's own settings, with the store moved.
    settings_file = folder / "config.toml"
    packaged = (root / "etc/nexakey/config.toml").read_text(encoding="utf-8")
    settings_file.write_text(packaged.replace("/var/lib/nexakey", str(folder)), encoding="utf-8")
    env = {"PATH": os.environ["PATH"], "HOME": str(folder),
           "NEXAKEY_SYSTEM_CONFIG": str(settings_file)}
    use_service(root, folder, env)
    calls = folder / "calls"
    wait_for(lambda: "total" in calls.read_text(encoding="utf-8"), "strace lists no calls")
    check((folder / "keys.db").is_file(), "the store is not the one of config.toml")
    used = set(re.findall(r"^[a-z]\w+$", calls.read_text(encoding="utf-8"), re.MULTILINE))
    used -= {"syscall", "total"}
    check("futex" in used, f"strace saw no thread: {sorted(used)}")
    forbidden = used - allowed_calls(unit)
    check(not forbidden, f"the unit forbids what the service uses: {sorted(forbidden)}")
