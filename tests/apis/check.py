#!/usr/bin/env python3
"""Validates the OpenAPI documents that the real countersign prints, by the schemas that the OpenAPI initiative publishes, and reads them
as a stranger does: nothing without a word, nothing that leads nowhere, nothing that is never used.

    check.py --countersign target/debug/countersign --work DIR

The validator comes from PyPI, in a virtual environment below DIR. Nothing is ever skipped.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "clients"))
METHODS = {"get", "put", "post", "delete", "patch"}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--countersign", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--inside", action="store_true")
    options = parser.parse_args()
    work = options.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    if not options.inside:
        from run import environment  # the clients' own, which makes virtual environments

        python = environment(HERE / "requirements.txt", work)
        os.execv(python, [str(python), __file__, "--inside", *sys.argv[1:]])
    told = subprocess.run([options.countersign, "help", "apis", "--json"], check=True, capture_output=True, timeout=60)
    documents = json.loads(told.stdout)
    passed, failures = 0, []
    checks = [schema, words, uses, strictness]
    for name, document in documents.items():
        for check in checks:
            wrong = list(check(document))
            failures += [f"{name}: {check.__name__}: {line}" for line in wrong]
            passed += not wrong
    if set(documents) != {"management", "console", "callers"}:
        failures.append(f"wanted three documents, found {sorted(documents)}")
    for line in failures:
        print(f"FAIL  {line}")
    print(f"apis: {passed} passed, {len(failures)} failed")
    sys.exit(1 if failures or not passed else 0)


def schema(document):
    """By the published schema of the version that the document names, and the rules that no schema can say."""
    from openapi_spec_validator import OpenAPIV31SpecValidator

    if not document["openapi"].startswith("3.1."):
        yield f"wanted OpenAPI 3.1, found {document['openapi']}"
    for error in OpenAPIV31SpecValidator(document).iter_errors():
        yield f"{'/'.join(map(str, error.absolute_path))}: {error.message[:200]}"


def strictness(document):
    """The validator does find faults in a document like this one."""
    from openapi_spec_validator import OpenAPIV31SpecValidator

    def broken(change):
        copy = json.loads(json.dumps(document))
        path = next(iter(copy["paths"]))
        change(next(call for method, call in copy["paths"][path].items() if method in METHODS))
        return list(OpenAPIV31SpecValidator(copy).iter_errors())

    for what, change in {
        "an answer without a description": lambda call: next(iter(call["responses"].values())).pop("description"),
        "a status that is none": lambda call: call["responses"].update({"ok": {"description": "x"}}),
        "a parameter that is nowhere": lambda call: call.update(parameters=[{"name": "x", "in": "nowhere"}]),
    }.items():
        if not broken(change):
            yield f"{what} is not found"


def operations(document):
    for path, calls in document["paths"].items():
        for method, call in calls.items():
            if method in METHODS:
                yield f"{method.upper()} {path}", path, call


def words(document):
    """Whatever a reader looks at says something, in sentences."""
    ids = set()
    for name, path, call in operations(document):
        if not call.get("summary", "").endswith("."):
            yield f"{name} has no summary that is a sentence"
        if call["operationId"] in ids:
            yield f"{name} has the operationId of another"
        ids.add(call["operationId"])
        for parameter in call.get("parameters", []):
            if not parameter.get("description", "").endswith("."):
                yield f"{name}: the parameter {parameter['name']} is not described"
        for status, answer in call["responses"].items():
            if not answer["description"].endswith("."):
                yield f"{name}: {status} is not described by a sentence"
            if status[0] != "2" and "schema" not in next(iter(answer.get("content", {}).values()), {}):
                yield f"{name}: {status} has no schema"
        if not any(status[0] == "2" for status in call["responses"]):
            yield f"{name} never succeeds"
    for name, schema in document["components"]["schemas"].items():
        if not schema.get("description"):
            yield f"the object {name} is not described"
        for part in [schema, *schema.get("allOf", [])]:
            for member, value in part.get("properties", {}).items():
                if not described(value):
                    yield f"the member {member} of {name} is not described"


def described(value):
    """A member says what it is itself, or by the one object that it is."""
    parts = [value, *value.get("oneOf", []), value.get("items", {})]
    return any("description" in part or "$ref" in part for part in parts if isinstance(part, dict))


def uses(document):
    """Every object and every proof is some call's, and every tag too."""
    text = json.dumps(document)
    for name in document["components"]["schemas"]:
        if f'"#/components/schemas/{name}"' not in text:
            yield f"nothing refers to the object {name}"
    used = {tag for _, _, call in operations(document) for tag in call["tags"]}
    told = {tag["name"] for tag in document["tags"]}
    if used != told:
        yield f"the tags {sorted(used ^ told)} are used or described alone"
    demands = [call.get("security", document.get("security", [])) for _, _, call in operations(document)]
    proofs = {name for demand in demands for together in demand for name in together}
    if proofs != set(document["components"]["securitySchemes"]):
        yield f"the proofs {sorted(proofs ^ set(document['components']['securitySchemes']))} are used or described alone"


if __name__ == "__main__":
    main()
