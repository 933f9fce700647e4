# SPDX-License-Identifier: Apache-2.0
"""Images as bytes, and their way into a registry: layers put together in memory with fixed times and owners, so that the same files
make the same digests, and the four calls of the registry API that a push takes."""
import gzip
import hashlib
import http.client
import io
import json
import subprocess
import tarfile

OCI = "application/vnd.oci.image."
DOCKER = "application/vnd.docker."
MEDIA = {
    "oci": {"layer": OCI + "layer.v1.tar+gzip", "config": OCI + "config.v1+json", "manifest": OCI + "manifest.v1+json",
            "index": OCI + "index.v1+json"},
    "docker": {"layer": DOCKER + "image.rootfs.diff.tar.gzip", "config": DOCKER + "container.image.v1+json",
               "manifest": DOCKER + "distribution.manifest.v2+json", "index": DOCKER + "distribution.manifest.list.v2+json"},
}


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


class Tree:
    """Files of one layer, by path."""

    def __init__(self):
        self.entries = {}

    def folder(self, path, mode=0o755, owner=(0, 0)):
        above = path.rpartition("/")[0]
        if above and above not in self.entries:
            self.folder(above)
        self.entries[path] = (tarfile.DIRTYPE, mode, owner, b"", "")
        return self

    def _put(self, path, kind, mode, owner, data, target):
        above = path.rpartition("/")[0]
        if above and above not in self.entries:
            self.folder(above)
        self.entries[path] = (kind, mode, owner, data, target)
        return self

    def file(self, path, data, mode=0o644, owner=(0, 0)):
        return self._put(path, tarfile.REGTYPE, mode, owner, data.encode() if isinstance(data, str) else data, "")

    def copy(self, path, source, mode=0o755):
        with open(source, "rb") as file:
            return self.file(path, file.read(), mode)

    def hard_link(self, path, target):
        return self._put(path, tarfile.LNKTYPE, 0o755, (0, 0), b"", target)

    def symlink(self, path, target):
        return self._put(path, tarfile.SYMTYPE, 0o777, (0, 0), b"", target)

    def program(self, path, source):
        """With the libraries that it is linked with."""
        self.copy(path, source)
        for line in subprocess.check_output(["ldd", source], text=True).splitlines():
            words = line.split()
            if "not" in words:
                raise RuntimeError(f"{source} needs {words[0]}, which is not on this machine")
            library = next((word for word in words if word.startswith("/")), None)
            if library:
                self.copy(library.lstrip("/"), library)
        return self

    def packed(self):
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
            for path, (kind, mode, (uid, gid), data, target) in self.entries.items():
                entry = tarfile.TarInfo(path)
                entry.type, entry.mode, entry.uid, entry.gid, entry.size, entry.linkname = kind, mode, uid, gid, len(data), target
                archive.addfile(entry, io.BytesIO(data))
        return gzip.compress(out.getvalue(), 6, mtime=0)


class Registry:
    """A plain-http registry on this machine."""

    def __init__(self, port):
        self.port = port
        self.there = set()

    def call(self, method, path, wanted, body=None, kind="application/octet-stream"):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request(method, path, body, {"Content-Type": kind} if body is not None else {})
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        if answer.status not in wanted:
            raise RuntimeError(f"{method} {path}: {answer.status} {text[:300]!r}")
        return answer

    def blob(self, repository, data):
        digest = digest_of(data)
        if (repository, digest) not in self.there:
            upload = self.call("POST", f"/v2/{repository}/blobs/uploads/", {202}, b"").headers["Location"]
            path = upload[upload.index("/v2/"):]
            self.call("PUT", path + ("&" if "?" in path else "?") + "digest=" + digest, {201}, data)
            self.there.add((repository, digest))
        return digest

    def manifest(self, repository, reference, data, kind):
        self.call("PUT", f"/v2/{repository}/manifests/{reference}", {201}, data, kind)


def push(registry, name, layers, config, architecture, form="oci"):
    """An index of two platforms, of which the other has no layers: taking it is noticed. Answers the index's digest."""
    media = MEDIA[form]
    repository, _, tag = name.partition(":")

    def platform(machine, contents):
        document = {"architecture": machine, "os": "linux", "created": "2026-01-01T00:00:00Z", "config": config,
                    "rootfs": {"type": "layers", "diff_ids": [digest_of(gzip.decompress(layer)) for layer in contents]}}
        data = json.dumps(document).encode()
        registry.blob(repository, data)
        described = [{"mediaType": media["layer"], "digest": registry.blob(repository, layer), "size": len(layer)} for layer in contents]
        manifest = json.dumps({"schemaVersion": 2, "mediaType": media["manifest"], "layers": described, "config": {
            "mediaType": media["config"], "digest": digest_of(data), "size": len(data)}}).encode()
        registry.manifest(repository, digest_of(manifest), manifest, media["manifest"])
        return {"mediaType": media["manifest"], "digest": digest_of(manifest), "size": len(manifest),
                "platform": {"os": "linux", "architecture": machine}}

    other = "arm64" if architecture != "arm64" else "amd64"
    index = json.dumps({"schemaVersion": 2, "mediaType": media["index"],
                        "manifests": [platform(other, []), platform(architecture, layers)]}).encode()
    registry.manifest(repository, tag or "latest", index, media["index"])
    return digest_of(index)
