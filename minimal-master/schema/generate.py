#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""generate.py DATA_FOLDER OUT.cc: the tables of data/ as constant arrays (table_rows.h says which).

schema.json and schema-extra.json name the types, their fields and how they are merged; gojson.json their order and zero values;
protobuf-fields.json their numbers; discovery.json, tables.json and own-resources.json (what upstream serves by an extension) the resources and their columns. Rows refer to one another by index
and to texts by place, so that the object needs no relocation. What does not fit together ends the build.
"""
import json
import os
import sys

META = "io.k8s.apimachinery.pkg.apis.meta.v1."
APIEXT = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1."
SKIP_PREFIXES = ("io.k8s.kube-proxy", "io.k8s.kube-scheduler", "io.k8s.kubelet", "io.k8s.component-base", "io.k8s.controller-manager",
                 "io.k8s.client-go", "io.k8s.apimachinery.pkg.version")
SKIP = {META + "InternalEvent", META + "Patch"}
SPECIAL = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity": ("kQuantity", "resource.Quantity", None),
    META + "Time": ("kTime", "v1.Time", None),
    META + "MicroTime": ("kMicroTime", "v1.MicroTime", None),
    META + "Duration": ("kDuration", "v1.Duration", None),
    META + "FieldsV1": ("kAny", "v1.FieldsV1", None),
    "io.k8s.apimachinery.pkg.runtime.RawExtension": ("kAny", "runtime.RawExtension", None),
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": ("kIntOrString", "intstr.IntOrString", None),
    APIEXT + "JSON": ("kAnyJson", "v1.JSON", None),
    APIEXT + "JSONSchemaPropsOrArray": ("kSchemaOrSchemas", "v1.JSONSchemaPropsOrArray", APIEXT + "JSONSchemaProps"),
    APIEXT + "JSONSchemaPropsOrBool": ("kSchemaOrBool", "v1.JSONSchemaPropsOrBool", APIEXT + "JSONSchemaProps"),
    APIEXT + "JSONSchemaPropsOrStringArray": ("kSchemaOrStrings", "v1.JSONSchemaPropsOrStringArray", APIEXT + "JSONSchemaProps"),
}
EMPTY = {APIEXT + "CustomResourceSubresourceStatus": "v1.CustomResourceSubresourceStatus"}
# Objects of any kind in one body: known to the server by name, though no resource has it.
LIST = {"fields": {"apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": {"default": {}, "ref": META + "ListMeta"},
                   "items": {"arrayOf": {"ref": "io.k8s.apimachinery.pkg.runtime.RawExtension"}, "required": True}},
        "gvk": [["", "v1", "List"]], "type": "object"}
NONE = 0xffff


def load(folder, name):
    with open(os.path.join(folder, name), encoding="utf-8") as file:
        return json.load(file)


def parts(name):
    package, _, short = name.rpartition(".")
    return package, short


def go_package(package):
    if package == APIEXT[:-1]:
        return "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1/."
    return "k8s.io/" + package[len("io.k8s."):].replace(".", "/")


def proto_package(package):
    return "k8s.io." + package[len("io.k8s."):].replace("-", "_")


class Texts:
    def __init__(self):
        self.places, self.text = {}, ""

    def at(self, s):
        if s not in self.places:
            found = self.text.find(s)
            if found < 0:
                found = len(self.text)
                self.text += s
            self.places[s] = found
        return "{%d, %d}" % (self.places[s], len(s))


class Generator:
    def __init__(self, folder):
        self.schema = load(folder, "schema.json")
        self.schema.update(load(folder, "schema-extra.json"))
        self.schema[META + "List"] = LIST
        self.go = load(folder, "gojson.json")
        self.proto = load(folder, "protobuf-fields.json")
        self.discovery = load(folder, "discovery.json") + load(folder, "own-resources.json")
        self.tables = load(folder, "tables.json")
        self.texts, self.strings, self.string_lists = Texts(), [], {}
        self.types, self.type_at, self.fields = [], {}, []
        self.kinds, self.columns, self.subresources, self.resources = {}, [], [], []

    def string_list(self, items):
        key = tuple(items)
        if key not in self.string_lists:
            self.string_lists[key] = len(self.strings)
            self.strings += items
        return self.string_lists[key], len(items)

    def add_type(self, key, **row):
        if key not in self.type_at:
            self.type_at[key] = len(self.types)
            self.types.append(dict(dict(shape="", map_type="kNone", wrapped=False, element=NONE, first=0, count=0, go="", openapi="", kind=""),
                                   **row))
        return self.type_at[key]

    # --- the Go text of a type, as its reflection prints it ---
    def go_text(self, text, package):
        text = text.lstrip("*")
        if text.startswith("[]"):
            return "[]" + self.go_text_inner(text[2:], package)
        if text.startswith("map["):
            close = text.index("]")
            return "map[" + self.go_text(text[4:close], package) + "]" + self.go_text_inner(text[close + 1:], package)
        if "." in text:
            alias, name = text.split(".")
            alias = {"metav1": "v1", "corev1": "v1", "apiv1": "v1", "authenticationv1": "v1"}.get(alias, alias)
            return alias + "." + name
        if text == "byte":
            return "uint8"
        if text[0].islower():
            return text
        return package.strip("/.").split("/")[-1] + "." + text

    def go_text_inner(self, text, package):
        star = "*" if text.startswith("*") else ""
        return star + self.go_text(text, package)

    # --- types ---
    def scalar(self, fact, go):
        kind, form = fact["type"], fact.get("format", "")
        if kind == "string":
            shape = "kBytes" if form == "byte" else "kString"
        elif kind == "integer":
            shape = "kInt64" if form == "int64" else "kInt32"
        elif kind == "number":
            shape = "kDouble"
        elif kind == "boolean":
            shape = "kBool"
        elif kind == "object":
            shape = "kAny"
        else:
            raise ValueError("no such scalar: %s" % fact)
        return self.add_type((shape, go), shape=shape, go=go)

    def value_type(self, fact, go_text, package, proto_type):
        """The index of the type of a field (or an item) that is described by `fact`."""
        if "ref" in fact:
            return self.named(fact["ref"])
        go = self.go_text(go_text, package)
        bare = go_text.lstrip("*")
        if "arrayOf" in fact:
            wrapped = not bare.startswith("[]")
            if wrapped and proto_type is not None:
                message = self.proto_message(proto_type, package)
                wrapped = message is not None and list(message) == ["items"]
            else:
                wrapped = False
            element = self.value_type(fact["arrayOf"], bare[2:] if bare.startswith("[]") else "string", package, None)
            return self.add_type(("list", go, element), shape="kList", go=go, element=element, wrapped=wrapped)
        if "mapOf" in fact:
            inner_go = bare[bare.index("]") + 1:] if bare.startswith("map[") else "resource.Quantity"
            inner_proto = proto_type.split(",", 1)[1].rstrip(">") if proto_type and proto_type.startswith("map<") else None
            element = self.value_type(fact["mapOf"], inner_go, package, inner_proto)
            return self.add_type(("map", go, element), shape="kMap", go=go, element=element)
        return self.scalar(fact, go)

    def proto_message(self, name, package):
        pack = "k8s.io." + package.strip("/.")[len("k8s.io/"):].replace("/", ".").replace("-", "_")
        if "." in name:
            pack, _, name = name.rpartition(".")
        return self.proto.get(pack, {}).get("messages", {}).get(name)

    def named(self, name):
        if name in self.type_at:
            return self.type_at[name]
        package, short = parts(name)
        if name in SPECIAL:
            shape, go, element = SPECIAL[name]
            index = self.add_type(name, shape=shape, go=go, openapi=name)
            if element:
                self.types[index]["element"] = self.named(element)
            return index
        go_pack = go_package(package)
        version = go_pack.strip("/.").split("/")[-1]
        fact = self.schema[name]
        index = self.add_type(name, shape="kStruct", go=version + "." + short, openapi=name,
                              map_type={"atomic": "kAtomic", "granular": "kGranular"}.get(fact.get("mapType"), "kNone"))
        if name in EMPTY:
            return index
        rows = self.flatten(name, fact, go_pack, short, "", [])
        missing = set(fact.get("fields", {})) - {row["name"] for row in rows}
        if missing and name != META + "TableOptions":
            raise ValueError("%s: no order known of %s" % (name, missing))
        if len(rows) > 128:
            raise ValueError("%s: more fields than the decoder keeps in mind" % name)
        self.types[index]["first"], self.types[index]["count"] = len(self.fields), len(rows)
        self.fields += rows
        for row in rows:  # after the rows have their places: types may be recursive
            row["type"] = self.value_type(row.pop("fact"), row.pop("go"), row.pop("package"), row.pop("proto_type"))
        if {"kind", "apiVersion"} <= {row["name"] for row in rows}:
            self.types[index]["kind"] = short
        return index

    def flatten(self, name, fact, go_pack, short, embedded, path):
        rows = []
        messages = self.proto.get("k8s.io." + go_pack.strip("/.")[len("k8s.io/"):].replace("/", ".").replace("-", "_"), {}).get("messages", {})
        message = messages.get(short, {})
        inline_of = {field["t"].rpartition(".")[2]: field for field in message.values() if field.get("inline")}
        by_json = {field.get("json", key): field for key, field in message.items() if not field.get("inline")}
        for go_field in self.go[go_pack][short]:
            if go_field.get("o") == "inline":
                inner = go_field["t"].rpartition(".")[2]
                if inner == "TypeMeta":
                    for meta in ("kind", "apiVersion"):
                        rows.append(self.row(meta, fact["fields"].get(meta, {"type": "string"}), {"o": "omitempty", "t": "string"}, go_pack,
                                             embedded + "TypeMeta.", [], None))
                    continue
                number = [inline_of[inner]["n"]] if inner in inline_of else []
                if message and not number:
                    raise ValueError("%s: %s has no number" % (name, inner))
                rows += self.flatten(name, fact, go_pack, inner, embedded + inner + ".", path + number)
                continue
            if go_field["j"] == "-":
                continue
            words = go_field["j"].lstrip("$").split("-")  # "x-kubernetes-int-or-string": xKubernetesIntOrString
            proto = by_json.get(words[0] + "".join(word.capitalize() for word in words[1:]))
            if message and proto is None:
                raise ValueError("%s.%s has no protobuf number" % (name, go_field["j"]))
            rows.append(self.row(go_field["j"], fact["fields"][go_field["j"]], go_field, go_pack, embedded,
                                 path + [proto["n"]] if proto else [], proto["t"] if proto else None))
        return rows

    def row(self, name, fact, go_field, package, embedded, numbers, proto_type):
        options = (go_field.get("o") or "").split(",")
        flags = [flag for flag, on in (
            ("kPointer", go_field["t"].startswith("*")), ("kOmitEmpty", "omitempty" in options), ("kOmitZero", "omitzero" in options),
            ("kRequired", fact.get("required")), ("kPatchMerge", "merge" in fact.get("patchStrategy", "").split(",")),
            ("kPatchRetainKeys", "retainKeys" in fact.get("patchStrategy", "")), ("kPatchReplace", fact.get("patchStrategy") == "replace")) if on]
        if len(numbers) > 5 or any(n > 255 for n in numbers):
            raise ValueError("%s: protobuf path %s" % (name, numbers))
        return dict(name=name, fact=fact, go=go_field["t"], package=package, proto_type=proto_type, flags=flags, embedded=embedded,
                    numbers=numbers, list_type=fact.get("listType"), map_type=fact.get("mapType"), keys=fact.get("listMapKeys", []),
                    enums=fact.get("enum") or fact.get("arrayOf", {}).get("enum") or [], merge_key=fact.get("patchMergeKey", ""),
                    default=json.dumps(fact["default"]) if "default" in fact else "", format=fact.get("format", ""))

    # --- resources ---
    def collect(self):
        for name, fact in sorted(self.schema.items()):
            if name.startswith(SKIP_PREFIXES) or name in SKIP:
                continue
            index = self.named(name)
            for group, version, kind in fact.get("gvk", []):
                self.kinds[(group, version, kind)] = index
            package, short = parts(name)
            if self.types[index]["kind"] and not fact.get("gvk") and package.startswith("io.k8s.api."):
                group, version = package.split(".")[-2:]
                served = {r["group"].split(".")[0]: r["group"] for r in self.discovery}
                self.kinds[("" if group == "core" else served.get(group, group), version, short)] = index
            if package.startswith("io.k8s.metrics."):
                self.kinds[("metrics.k8s.io", package.split(".")[-1], short)] = index
        # Every group version knows the options of requests; answers of the server itself belong to v1, what lists are turned into to meta.
        for group, version in sorted({(g, v) for g, v, _ in self.kinds} | {("meta.k8s.io", "v1")}):
            for kind in ("WatchEvent", "ListOptions", "GetOptions", "DeleteOptions", "CreateOptions", "UpdateOptions", "PatchOptions"):
                self.kinds.setdefault((group, version, kind), self.named(META + kind))
        for kind in ("Status", "APIVersions", "APIGroupList", "APIGroup", "APIResourceList"):
            self.kinds.setdefault(("", "v1", kind), self.named(META + kind))
        for kind in ("Table", "PartialObjectMetadata", "PartialObjectMetadataList"):
            self.kinds.setdefault(("meta.k8s.io", "v1", kind), self.named(META + kind))
        for resource in self.discovery:
            self.add_resource(resource)

    def add_resource(self, r):
        group, version, kind = r["group"], r["version"], r["kind"]
        path = ("/api/%s/%s" % (version, r["resource"])) if not group else "/apis/%s/%s/%s" % (group, version, r["resource"])
        columns = r.get("columns") or self.tables.get(path, [])
        row = dict(r, first_column=len(self.columns), column_count=len(columns), first_subresource=len(self.subresources),
                   type=self.kinds[(group, version, kind)], list_type=self.kinds.get((group, version, kind + "List"), NONE))
        self.columns += columns
        for sub in r["subresources"]:
            gvk = (sub.get("group", group), sub.get("version", version), sub["kind"])
            if gvk not in self.kinds and not gvk[2].endswith("ProxyOptions"):  # those travel as query parameters only
                raise ValueError("subresource %s/%s: no type %s" % (r["resource"], sub["name"], gvk))
            self.subresources.append(dict(sub, group=gvk[0], version=gvk[1]))
        self.resources.append(row)

    # --- the text of the program ---
    def write(self, out):
        t = self.texts.at

        def listing(items):
            first, count = self.string_list(items)
            return first, count

        lines = []
        for f in self.fields:
            first_key, key_count = listing(f["keys"])
            first_enum, enum_count = listing(f["enums"])
            numbers = f["numbers"] + [0] * (5 - len(f["numbers"]))
            lines.append("{%s, %d, ListType::k%s, MapType::k%s, %d, {%s}, %d, %d, %d, %d, %s, %s, %s, %s, %s}" % (
                " | ".join("Field::" + flag for flag in f["flags"]) or "0", f["type"], (f["list_type"] or "none").capitalize(),
                (f["map_type"] or "none").capitalize(), len(f["numbers"]), ", ".join(map(str, numbers)), first_key, first_enum, key_count,
                enum_count, t(f["name"]), t(f["embedded"]), t(f["merge_key"]), t(f["default"]), t(f["format"])))
        types = ["{Shape::%s, MapType::%s, %s, %d, %d, %d, %s, %s, %s}" % (
            x["shape"], x["map_type"], str(x["wrapped"]).lower(), x["element"], x["first"], x["count"], t(x["go"]), t(x["openapi"]), t(x["kind"]))
            for x in self.types]
        kinds = ["{%s, %s, %s, %d}" % (t(g), t(v), t(k), i) for (g, v, k), i in sorted(self.kinds.items())]
        columns = ["{%s, %s, %s, %d}" % (t(c["name"]), t(c["type"]), t(c["format"]), c["priority"]) for c in self.columns]
        subs = ["{%s, %s, %s, %s, %d, %d}" % (t(s["name"]), t(s["group"]), t(s["version"]), t(s["kind"]), *listing(s["verbs"]))
                for s in self.subresources]
        resources = []
        for r in self.resources:
            verbs, shorts, cats = listing(r["verbs"]), listing(r["shortNames"]), listing(r["categories"])
            resources.append("{%s, %s, %s, %s, %s, %s, %s, %d, %d, %d, %d, %d, %d, %d, %d, %d, %d, %d, %d}" % (
                t(r["group"]), t(r["version"]), t(r["resource"]), t(r["singular"]), t(r["kind"]), t(r.get("storageVersionHash", "")),
                str(r["namespaced"]).lower(), verbs[1], shorts[1], cats[1], len(r["subresources"]), r["column_count"], verbs[0], shorts[0],
                cats[0], r["first_subresource"], r["first_column"], r["type"], r["list_type"]))
        strings = [t(s) for s in self.strings]
        if max(len(types), len(lines), len(strings), len(subs), len(columns)) >= NONE:
            raise ValueError("a table has more rows than an index can name")

        with open(out, "w", encoding="utf-8") as file:
            write = file.write
            write("// Made by generate.py; do not change.\n#include \"minimal-master/schema/table_rows.h\"\n\nnamespace keelson::schema::table {\n")
            write("const char kText[] =\n")
            data = self.texts.text
            for at in range(0, len(data), 120):
                write("    %s\n" % json.dumps(data[at:at + 120], ensure_ascii=True))
            write("    ;\n")
            for name, row_type, rows in (("kStrings", "Text", strings), ("kTypes", "Type", types), ("kFields", "Field", lines),
                                         ("kKinds", "Kind", kinds), ("kColumns", "Column", columns), ("kSubresources", "Subresource", subs),
                                         ("kResources", "Resource", resources)):
                write("const %s %s[] = {\n%s};\n" % (row_type, name, "".join("    %s,\n" % row for row in rows)))
            write("const size_t kTypeCount = %d;\nconst size_t kKindCount = %d;\nconst size_t kResourceCount = %d;\n" % (
                len(types), len(kinds), len(resources)))
            write("}  // namespace keelson::schema::table\n")


def main():
    generator = Generator(sys.argv[1])
    generator.collect()
    generator.write(sys.argv[2])


if __name__ == "__main__":
    main()
