#!/usr/bin/env python3
"""/openapi.json is a valid document, and the server complies with it. (The other
tests check that each response complies.)"""

import re
import unittest

import jsonschema

import contract
from api_test import ApiTest, new_import, new_key, new_token


class Contract(ApiTest):
    def test_the_document_is_valid(self):
        self.assertEqual(self.ask("GET", "/openapi.json").json, contract.DOCUMENT)
        names = [operation["operationId"] for _, _, operation in contract.operations()]
        self.assertEqual(len(names), len(set(names)))
        self.check_node(contract.DOCUMENT)
        for name, schema in contract.DOCUMENT["components"]["schemas"].items():
            with self.subTest(schema=name):
                jsonschema.Draft202012Validator.check_schema(schema)
        for path, method, operation in contract.operations():
            with self.subTest(path=path, method=method):
                parameters = (contract.DOCUMENT["paths"][path].get("parameters", []) +
                              operation.get("parameters", []))
                self.assertEqual({p["name"] for p in parameters if p["in"] == "path"},
                                 set(re.findall(r"{(\w+)}", path)))
                for part in (*parameters, operation.get("requestBody", {}).get("content", {}).get(
                        "application/json", {"schema": {}})):
                    jsonschema.Draft202012Validator.check_schema(part["schema"])

    def check_node(self, node):
        """Each reference has a target."""
        if isinstance(node, list):
            node = dict(enumerate(node))
        if isinstance(node, dict):
            if isinstance(node.get("$ref"), str):
                contract.resolve(node)
            for child in node.values():
                self.check_node(child)

    def test_each_documented_operation_is_served(self):
        ids = {"{id}": "key_000000000000", "{part}": "0", "{path}": "/v1/leads",
               "{name}": "default"}
        for path, method, _ in contract.operations():
            target = re.sub(r"{\w+}", lambda match: ids[match.group()], path)
            with self.subTest(path=path, method=method):
                # Without a credential: an unknown path would be 404 all the same.
                self.assertNotIn(self.ask(method.upper(), target, bearer="x").status, (404, 405))

    def test_each_member_is_documented(self):
        text, key = new_key()
        token = new_token()[1]
        self.ask("PUT", f"/v1/keys/{key['id']}", key)
        self.ask("PUT", f"/v1/tokens/{token['id']}", token)
        explained = {"key": text, "path": "/v1/leads/7", "ref": {"n": 1}}
        usage = {f"by_{group}": self.ask("GET", f"/v1/usage?by={group}").json
                 for group in ("endpoint", "day", "hour", "status")}
        for name, value in (
                ("KeyRecord", self.ask("GET", f"/v1/keys/{key['id']}").json["key"]),
                ("TokenRecord", self.ask("GET", "/v1/tokens").json["tokens"][0]),
                ("Whoami", self.ask("GET", "/v1/whoami").json),
                ("Decision", self.ask("POST", "/v1/verify?explain=true", explained).json),
                ("Usage", {name: value for report in usage.values()
                           for name, value in report.items()}),
                ("Peaks", self.ask("GET", "/v1/usage/peaks").json),
                ("KeyPeak", self.ask("GET", f"/v1/usage/peaks?key={key['id']}").json["peaks"][0]),
                ("AuditEntry", self.ask("GET", "/v1/audit").json["entries"][0]),
                ("Import", self.ask("POST", self.stage_import(), {"parts": 1}).json["import"]),
                ("Policy", self.ask("GET", "/v1/workspaces/default/policy").json["policy"]),
                ("AuditHead", self.ask("GET", "/v1/audit/head").json["head"]),
                ("Problem", self.ask("GET", "/v1/keys/x").json),
                ("OwnKey", self.ask("GET", "/v1/self", bearer=text).json["key"]),
                ("Key", self.ask("POST", "/v1/self/revoke", bearer=text).json["key"])):
            with self.subTest(schema=name):
                documented, required = contract.members(name)
                self.assertLessEqual(set(value), documented)
                self.assertLessEqual(required, set(value))

    def stage_import(self):
        """The path of an import with all parts of an export of this store."""
        path = f"/v1/imports/{new_import()}"
        export = self.ask("GET", "/v1/export").text.encode()
        self.assertEqual(self.ask("PUT", path + "/0", export).status, 204)
        return path

    def test_what_is_not_in_a_schema_of_a_body_is_refused(self):
        text, key = new_key()
        self.ask("PUT", f"/v1/keys/{key['id']}", key)
        successor = new_key()[1]
        rotation = {name: successor[name] for name in ("id", "hash", "hint", "created_at")}
        token = new_token()[1]
        self.ask("PUT", f"/v1/tokens/{token['id']}", token)
        for damage in ([], ["scopes"]):
            body = key | {"damage": damage}
            self.assertEqual(self.ask("PUT", f"/v1/keys/{key['id']}", body).status, 400)
        bodies = (("NewToken", "PUT", f"/v1/tokens/{token['id']}", token),
                  ("LookUp", "POST", "/v1/keys/find", {"ids": [key["id"]]}),
                  ("LookUp", "POST", "/v1/keys/find", {"hashes": [key["hash"]]}),
                  ("Revocation", "POST", "/v1/tokens/revoke", {"ids": []}),
                  ("NewKey", "PUT", f"/v1/keys/{key['id']}", key),
                  ("KeyChange", "PATCH", f"/v1/keys/{key['id']}", {"rate_limit": 7}),
                  ("Revocation", "POST", "/v1/keys/revoke", {"ids": []}),
                  ("Purge", "POST", "/v1/keys/purge",
                   {"ids": [key["id"]], "ended_before": "2026-01-01T00:00:00Z"}),
                  ("Rotation", "POST", f"/v1/keys/{key['id']}/rotate", rotation),
                  ("Policy", "PUT", "/v1/workspaces/none/policy", {"workspace": "none"}),
                  ("ImportCommit", "POST", self.stage_import(), {"parts": 1}),
                  ("Request", "POST", "/v1/verify", {"key": text}),
                  ("UpstreamResponse", "POST", "/v1/report", {"key_id": key["id"], "status": 200}))
        self.assertEqual({name for name, *_ in bodies}, contract.bodies())
        for name, method, path, body in bodies:
            schema = contract.DOCUMENT["components"]["schemas"][name]
            with self.subTest(schema=name):
                contract.validator(schema).validate(body)
                self.assertLess(self.ask(method, path, body).status, 300)
                wrong = body | {"nonsense": 1}
                self.assertFalse(contract.validator(schema).is_valid(wrong))
                self.assertEqual(self.ask(method, path, wrong).status, 400)
                for missing in schema.get("required", ()):
                    less = {name: value for name, value in body.items() if name != missing}
                    self.assertEqual(self.ask(method, path, less).status, 400, missing)

    def test_each_route_takes_the_parameters_that_are_documented_and_no_others(self):
        ids = {"{id}": "key_000000000000", "{part}": "0", "{name}": "default"}
        documented = {(method, path): {parameter["name"] for parameter in operation.get("parameters", ())
                                       if parameter["in"] == "query"}
                      for path, method, operation in contract.operations()
                      if not path.startswith("/auth/")}  # gateways send the parameters of clients
        names = {"nonsense"}.union(*documented.values())
        for (method, path), own in documented.items():
            target = re.sub(r"{\w+}", lambda match: ids[match.group()], path)
            bearer = self.key if path.startswith("/v1/self") else "admin"
            for name in names:
                with self.subTest(path=path, method=method, parameter=name):
                    reply = self.ask(method.upper(), f"{target}?{name}=?", bearer=bearer)
                    is_unknown = reply.status == 400 and bool(re.search(
                        rf'parameter.*"{name}"', reply.json["error"]["message"]))
                    self.assertEqual(is_unknown, name not in own, reply.text)


if __name__ == "__main__":
    unittest.main(warnings="ignore")
