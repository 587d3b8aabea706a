"""The document at /openapi.json, and checks whether responses comply with it."""

import json
import re
from pathlib import Path

import jsonschema

DOCUMENT = json.loads(Path(__file__).parents[2].joinpath("server/openapi.json").read_text())
METHODS = ("get", "put", "post", "patch")


def resolve(node):
    """The target of a reference within the document."""
    while "$ref" in node:
        found = DOCUMENT
        for name in node["$ref"].removeprefix("#/").split("/"):
            found = found[name]
        node = found
    return node


def validator(schema):
    resolver = jsonschema.RefResolver("", DOCUMENT)
    return jsonschema.Draft202012Validator(
        schema, resolver=resolver, format_checker=jsonschema.FormatChecker())


def operations():
    """Each operation: its path, its method and its description."""
    for path, item in DOCUMENT["paths"].items():
        for method in METHODS:
            if method in item:
                yield path, method, item[method]


def bodies():
    """The names of the schemas of all JSON bodies that are sent, or of their elements."""
    names = set()
    for _, _, operation in operations():
        content = operation.get("requestBody", {}).get("content", {})
        schema = content.get("application/json", {}).get("schema", {})
        for part in (schema, *schema.get("oneOf", ()), *schema.get("anyOf", ())):
            if "$ref" in part:
                names.add(part["$ref"].rpartition("/")[2])
    return names


def members(name):
    """The names of all members that a schema has, and of those that are always present."""
    schema = DOCUMENT["components"]["schemas"][name]
    parts = [schema, *(resolve(part) for part in schema.get("allOf", ()))]
    return ({name for part in parts for name in part.get("properties", ())},
            {name for part in parts for name in part.get("required", ())})


def find(method, target):
    """The operation of a request; a path without a parameter comes first."""
    method = "get" if method == "HEAD" else method.lower()
    for form in sorted(DOCUMENT["paths"], key=lambda form: "{" in form):
        pattern = re.sub(r"{\w+}", "[^/]+", form.replace("{path}", "(/.*)?"))
        if re.fullmatch(pattern, target.partition("?")[0]):
            return DOCUMENT["paths"][form].get(method)
    return None


def check(method, target, reply):
    """Raises unless the response complies with the document."""
    operation = find(method, target)
    if operation is None:
        assert reply.status in (404, 405), f"{method} {target} is not documented"
        return
    assert str(reply.status) in operation["responses"], \
        f"{method} {target} answers {reply.status}, which is not documented"
    response = resolve(operation["responses"][str(reply.status)])
    if "content" not in response or method == "HEAD":
        assert reply.text == ""
        return
    (kind, content), = response["content"].items()
    assert reply.headers["content-type"].partition(";")[0] == kind
    validator(content["schema"]).validate(reply.json if kind.endswith("json") else reply.text)
