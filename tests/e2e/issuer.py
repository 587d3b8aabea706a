"""An issuer of ID tokens, made of nginx and openssl."""

import base64
import json
import re
import shutil
import subprocess
import time
from pathlib import Path

from place import free_port, is_open, wait_for

AUDIENCE = "https://keys.example.com"
SUBJECT = "repo:acme/api:ref:refs/heads/main"


def encode(data):
    """base64url without padding (RFC 4648, 5)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def openssl(*words, data=b""):
    return subprocess.run(["openssl", *words], input=data, capture_output=True, check=True).stdout


class SigningKey:
    """A private key of an issuer."""

    def __init__(self, folder, kid, kind):
        self.kid, self.kind, self.file = kid, kind, f"{folder}/{kid}.pem"
        options = {"RS256": ("RSA", "rsa_keygen_bits:2048"), "ES256": ("EC", "ec_paramgen_curve:P-256")}
        algorithm, option = options[kind]
        openssl("genpkey", "-algorithm", algorithm, "-pkeyopt", option, "-out", self.file)

    def public_pem(self):
        return openssl("pkey", "-in", self.file, "-pubout")

    def jwk(self):
        if self.kind == "RS256":
            modulus = openssl("rsa", "-in", self.file, "-noout", "-modulus").decode().strip()
            number = bytes.fromhex(modulus.removeprefix("Modulus="))
            return {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.kid, "n": encode(number),
                    "e": "AQAB"}
        point = openssl("pkey", "-in", self.file, "-pubout", "-outform", "DER")[-64:]
        return {"kty": "EC", "crv": "P-256", "use": "sig", "kid": self.kid, "x": encode(point[:32]),
                "y": encode(point[32:])}

    def sign(self, text):
        signature = openssl("dgst", "-sha256", "-sign", self.file, data=text)
        if self.kind == "RS256":
            return signature
        listing = openssl("asn1parse", "-inform", "DER", data=signature).decode()
        numbers = re.findall(r"INTEGER\s+:([0-9A-F]+)", listing)
        return b"".join(bytes.fromhex(number).rjust(32, b"\0") for number in numbers)


class Issuer:
    """Serves its configuration and its keys over https, with a certificate of its own authority."""

    def __init__(self, place, key_kinds=("RS256", "ES256")):
        self.place = place
        self.folder = Path(place.path, "issuer")
        self.folder.mkdir()
        self.port = free_port()
        self.url = f"https://localhost:{self.port}"
        self.ca = f"{self.folder}/ca.crt"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
                "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                "-out", self.ca, "-keyout", f"{self.folder}/tls.key")
        self.root = self.folder / "www"
        self.root.joinpath(".well-known").mkdir(parents=True)
        self.keys = [SigningKey(self.folder, f"key-{kind}", kind) for kind in key_kinds]
        self.publish()
        self.process = None

    def publish(self, jwks_uri=None, issuer=None, jwks=None):
        configuration = {"issuer": issuer or self.url, "jwks_uri": jwks_uri or f"{self.url}/jwks"}
        self.root.joinpath(".well-known/openid-configuration").write_text(json.dumps(configuration))
        self.root.joinpath("jwks").write_text(jwks or json.dumps({"keys": [k.jwk() for k in self.keys]}))

    def start(self):
        paths = "".join(f"  {kind}_temp_path {self.folder}/{kind};\n"
                        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        config = self.folder / "nginx.conf"
        config.write_text(f"""daemon off; pid {self.folder}/nginx.pid; error_log stderr warn;
worker_processes 1;
events {{ worker_connections 64; }}
http {{
{paths}  access_log {self.folder}/access.log;
  server {{
    listen 127.0.0.1:{self.port} ssl;
    ssl_certificate {self.ca}; ssl_certificate_key {self.folder}/tls.key;
    root {self.root};
    location = /moved {{ return 302 {self.url}/jwks; }}
  }}
}}
""")
        shutil.copy(self.ca, f"{self.folder}/copy.crt")
        self.folder.chmod(0o755)
        Path(self.place.path).chmod(0o755)  # the workers of nginx have another user
        self.process = self.place.start(["nginx", "-c", str(config), "-e", "stderr"])
        wait_for(lambda: is_open(self.port), self.place)

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def fetches(self):
        """How often its keys were fetched."""
        return Path(self.folder, "access.log").read_text().count("GET /jwks ")

    def claims(self, **changes):
        now = int(time.time())
        claims = {"iss": self.url, "sub": SUBJECT, "aud": AUDIENCE, "exp": now + 300, "nbf": now - 5,
                  "iat": now, "repository": "acme/api", "ref": "refs/heads/main", "run_id": "8123"}
        return {name: value for name, value in (claims | changes).items() if value is not None}

    def token(self, key=0, header=None, text=None, signature=None, **changes):
        """An ID token. `text`: in place of its claims as JSON."""
        signer = self.keys[key]
        head = {"alg": signer.kind, "typ": "JWT", "kid": signer.kid} | (header or {})
        payload = json.dumps(self.claims(**changes)) if text is None else text
        signed = f"{encode(json.dumps(head).encode())}.{encode(payload.encode())}"
        made = signer.sign(signed.encode()) if signature is None else signature(signed.encode())
        return f"{signed}.{encode(made)}"
