"""The gateways of docs/gateways as they are documented, started on the ports and in the folder of a
test: only addresses, paths and listeners differ from what an administrator would copy."""

import os
from pathlib import Path

from place import free_port, is_open, wait_for

DOCS = Path(__file__).parents[2] / "docs" / "gateways"
SOCKET = "/run/nexakey/auth.sock"
API = "127.0.0.1:3000"
NAMES = {"nginx": ["nginx.conf"], "caddy": ["Caddyfile"], "haproxy": ["haproxy.cfg", "nexakey.lua"]}


def replace(text, old, new):
    assert old in text, old
    return text.replace(old, new)


def nginx(text, folder, ports):
    paths = "".join(f"  {kind}_temp_path {folder}/{kind};\n"
                    for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    log = ("""  log_format nexakey escape=json\n    '{"key_id":"$nexakey_key","admitted":"$nexakey_status",'\n"""
           """    '"status":$status,"method":"$request_method","path":"$request_uri"}';\n"""
           f"  access_log syslog:server=unix:{folder}/access.sock nexakey;\n")
    # The workers of a master that runs as root would run as a user who may not use the socket.
    user = "user root;\n" if os.geteuid() == 0 else ""
    text = replace(text, "events {}\nhttp {\n",
                   f"daemon off;\nworker_processes 2;\npid {folder}/nginx-{ports[0]}.pid;\n{user}"
                   f"error_log stderr warn;\nevents {{ worker_connections 512; }}\n"
                   f"http {{\n{paths}{log}")
    return replace(text, "    listen 80;\n",
                   f"    listen 127.0.0.1:{ports[0]};\n    listen 127.0.0.1:{ports[1]} http2;\n"
                   f"    listen 127.0.0.1:{ports[2]} ssl http2;\n"
                   f"    ssl_certificate {folder}/server.crt;\n"
                   f"    ssl_certificate_key {folder}/server.key;\n")


def caddy(text, folder, ports):
    site = replace(text, "api.example.com {\n", "(api) {\n")
    return ("{\n\tadmin off\n\tauto_https off\n\tservers {\n\t\tprotocols h1 h2 h2c\n\t}\n}\n" + site +
            f"http://127.0.0.1:{ports[0]}, http://127.0.0.1:{ports[1]} {{\n\timport api\n}}\n"
            f"https://127.0.0.1:{ports[2]} {{\n\ttls {folder}/server.crt {folder}/server.key\n"
            "\timport api\n}\n")


def haproxy(text, folder, ports):
    Path(folder, "server.pem").write_text(Path(folder, "server.crt").read_text() +
                                          Path(folder, "server.key").read_text())
    return text.replace("  bind :80\n", f"  bind 127.0.0.1:{ports[0]}\n"
                                        f"  bind 127.0.0.1:{ports[1]} proto h2\n"
                                        f"  bind 127.0.0.1:{ports[2]} ssl crt {folder}/server.pem "
                                        "alpn h2,http/1.1\n")


def start(gateway, place, api_port, changes=(), socket_name="nexakey.sock"):
    """Starts a gateway and returns its ports: HTTP/1.1, HTTP/2, and HTTP/2 with TLS. `changes` are
    pairs: a text of a documented file, and what replaces it."""
    ports = free_port(), free_port(), free_port()
    changes = list(changes)
    for name in NAMES[gateway]:
        text = DOCS.joinpath(name).read_text()
        for old, new in list(changes):
            if old in text:
                text = text.replace(old, new)
                changes.remove((old, new))
        text = text.replace(SOCKET, f"{place.path}/{socket_name}").replace(API, f"127.0.0.1:{api_port}")
        text = text.replace("/etc/haproxy/nexakey.lua", f"{place.path}/{ports[0]}-nexakey.lua")
        if name != "nexakey.lua":
            text = globals()[gateway](text, place.path, ports)
        Path(place.path, f"{ports[0]}-{name}").write_text(text)
    assert not changes, changes
    config = f"{place.path}/{ports[0]}-{NAMES[gateway][0]}"
    place.start({"nginx": ["nginx", "-c", config, "-e", "stderr"],
                 "caddy": ["caddy", "run", "--config", config, "--adapter", "caddyfile"],
                 "haproxy": ["haproxy", "-f", config]}[gateway])
    wait_for(lambda: is_open(ports[0]), place)
    return ports
