#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Writes lib/kube/schema_data.cc from Kubernetes' published OpenAPI document (api/openapi-spec/swagger.json of the release that
# lib/kube/pod.h names): the field names and kinds of every type that a Pod, a ConfigMap or a Secret can hold.
#   scripts/make_kube_schema.py swagger.json > lib/kube/schema_data.cc
# One entry per type: "field=kind …". Kinds: s string, b boolean, i int32, l int64, d number, t time, y base64 bytes, q quantity,
# x int or string, o any object, a type's name; before it [] for a list, {} for a map.
import json
import sys

ROOTS = ["io.k8s.api.core.v1.Pod", "io.k8s.api.core.v1.ConfigMap", "io.k8s.api.core.v1.Secret"]
BY_NAME = {"Quantity": "q", "IntOrString": "x", "FieldsV1": "o", "Time": "t", "MicroTime": "t"}
BY_TYPE = {"string": "s", "boolean": "b", "integer": "i", "number": "d", "object": "o"}


def kind(schema, found):
    if "$ref" in schema or "allOf" in schema:
        name = (schema.get("$ref") or schema["allOf"][0]["$ref"]).split("/")[-1]
        short = name.split(".")[-1]
        if short in BY_NAME:
            return BY_NAME[short]
        found.append(name)
        return short
    if schema.get("type") == "array":
        return "[]" + kind(schema["items"], found)
    if "additionalProperties" in schema:
        return "{}" + kind(schema["additionalProperties"], found)
    if schema.get("format") in ("int64", "byte"):
        return {"int64": "l", "byte": "y"}[schema["format"]]
    return BY_TYPE[schema["type"]]


def main():
    definitions = json.load(open(sys.argv[1]))["definitions"]
    waiting, done = list(ROOTS), {}
    while waiting:
        name = waiting.pop()
        short = name.split(".")[-1]
        if short in done:
            assert done[short][0] == name, f"two types named {short}"
            continue
        fields = definitions[name].get("properties", {})
        done[short] = (name, " ".join(f"{field}={kind(fields[field], waiting)}" for field in sorted(fields)))
    print("// SPDX-License-Identifier: Apache-2.0")
    print("// Made by scripts/make_kube_schema.py from Kubernetes' OpenAPI document; not edited by hand.")
    print('#include "lib/kube/schema.h"\n\nnamespace keelson::kube {\n')
    print("const SchemaType kSchemaTypes[] = {")
    for short in sorted(done):
        words, lines, line = done[short][1].split(" "), [], ""
        for word in words:
            if len(line) + len(word) > 110:
                lines.append(line)
                line = ""
            line += word + " "
        lines.append(line.rstrip())
        print(f'    {{"{short}",')
        print("\n".join(f'     "{text}"' for text in lines) + "},")
    print("};\nconst size_t kSchemaTypeCount = sizeof kSchemaTypes / sizeof kSchemaTypes[0];\n\n}  // namespace keelson::kube")


main()
