#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a bundle may ask for, on the real kernel: mounts with their options, namespaces, devices, sysctls, terminals, user namespaces,
seccomp, and what is refused."""
import array
import errno
import json
import os
import pathlib
import shutil
import socket
import subprocess

from bundle import OciTest, main


class Features(OciTest):
    def run_in(self, bundle, *words, code=0, **more):
        bundle.write()
        result = self.oci("run", "--bundle", bundle.path, *words, "c", check=False, **more)
        self.assertEqual(result.returncode, code, result.stderr)
        return result.stdout

    def refused(self, bundle, word):
        bundle.write()
        result = self.oci.make("r", bundle, check=False)
        self.assertEqual(result.returncode, 1)
        self.assertIn(word, result.text)

    def mount(self, bundle, destination, type, source, *options, **more):
        bundle.config["mounts"].append({"destination": destination, "type": type, "source": str(source), "options": list(options), **more})

    def test_binds_files_and_folders_with_their_options(self):
        source = self.folder / "source"
        (source / "below").mkdir(parents=True)
        (source / "file").write_text("content")
        subprocess.run(["mount", "-t", "tmpfs", "below", source / "below"], check=True)
        self.addCleanup(subprocess.run, ["umount", source / "below"])
        for kinds in (("pid", "network", "ipc", "uts", "mount"), ("pid", "network", "ipc", "uts", "mount", "cgroup")):
            with self.subTest(kinds):
                self.bind_files_and_folders(source, kinds)

    def bind_files_and_folders(self, source, kinds):
        bundle = self.bundle("sh", "-c", "cat /one/file; for f in /plain/x /ro/x /ro/below/x /rro/below/x; do "
                             "if touch $f 2>/dev/null; then echo $f; fi; done; ls /new/deep")
        bundle.namespaces(*kinds)
        self.mount(bundle, "/one/file", "bind", source / "file", "bind", "ro")
        self.mount(bundle, "/plain", "bind", source, "rbind")
        self.mount(bundle, "/ro", "bind", source, "rbind", "ro")
        self.mount(bundle, "/rro", "bind", source, "rbind", "rro")
        self.mount(bundle, "new/deep/", "tmpfs", "tmpfs", "nosuid")
        self.assertEqual(self.run_in(bundle).split("\n"), ["content/plain/x", "/ro/below/x", ""])

    def test_a_bind_has_what_is_listed_and_in_a_user_namespace_what_the_host_forbids(self):
        source = self.folder / "closed"
        source.mkdir()
        self.folder.chmod(0o755)
        subprocess.run(["mount", "-t", "tmpfs", "closed", source], check=True)
        self.addCleanup(subprocess.run, ["umount", source])
        subprocess.run(["mount", "-o", "remount,bind,ro,nosuid,noexec,noatime", source], check=True)
        for options, alone, with_users in (
                (["rbind"], {"ro", "nosuid", "noexec", "noatime"}, {"ro", "nosuid", "noexec", "noatime"}),
                (["bind", "nodev"], {"rw", "nodev", "noatime"}, {"ro", "nosuid", "nodev", "noexec", "noatime"}),
                (["bind", "rw"], {"rw", "noatime"}, None), (["bind", "relatime"], {"rw", "relatime"}, None)):
            for users, wanted in ((False, alone), (True, with_users)):
                with self.subTest(options=options, users=users):
                    bundle = self.bundle("cat", "/proc/self/mountinfo")
                    self.mount(bundle, "/data", "bind", source, *options)
                    if users:
                        bundle.config["linux"].update({f"{k}Mappings": [{"containerID": 0, "hostID": 100000, "size": 65536}]
                                                       for k in ("uid", "gid")})
                        bundle.config["linux"]["namespaces"].append({"type": "user"})
                        subprocess.run(["chown", "-R", "100000:100000", bundle.path / "rootfs"], check=True)
                    if wanted is None:
                        self.refused(bundle, "operation not permitted")
                        continue
                    found = [set(line.split()[5].split(",")) for line in self.run_in(bundle).splitlines() if line.split()[4] == "/data"]
                    self.assertEqual(found, [wanted])

    def test_a_seccomp_program_is_compiled_once_for_what_it_follows_from(self):
        def run(names, capabilities):
            bundle = self.bundle("sh", "-c", "grep -c 'Seccomp:.2' /proc/self/status; mkdir /tmp/d 2>/dev/null || echo no")
            bundle.config["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64"],
                                                 "syscalls": [{"names": names, "action": "SCMP_ACT_ERRNO"}]}
            bundle.config["process"]["capabilities"]["bounding"] = capabilities
            found = self.run_in(bundle).split()
            kept = pathlib.Path(self.oci.root, "!seccomp")
            return found, len(os.listdir(kept))
        capabilities = ["CAP_CHOWN", "CAP_KILL"]
        self.assertEqual(run(["mkdir", "mkdirat"], capabilities), (["1", "no"], 1))
        self.assertEqual(run(["mkdir", "mkdirat"], capabilities), (["1", "no"], 1))
        self.assertEqual(run(["chroot"], capabilities), (["1"], 2))
        self.assertEqual(run(["mkdir", "mkdirat"], capabilities[:1]), (["1", "no"], 3))
        self.assertEqual(self.oci("list", "-q").stdout, "")

    def test_a_tmpfs_may_begin_with_what_was_there(self):
        bundle = self.bundle("sh", "-c", "cat /etc/group; readlink /etc/link; touch /etc/x 2>/dev/null || echo read-only")
        (bundle.path / "rootfs/etc/link").symlink_to("group")
        self.mount(bundle, "/etc", "tmpfs", "tmpfs", "tmpcopyup", "ro")
        self.assertEqual(self.run_in(bundle).split(), ["root:x:0:", "group", "read-only"])

    def test_shows_owners_through_a_mapping(self):
        source = self.folder / "mapped"
        source.mkdir()
        (source / "f").touch()
        os.chown(source / "f", 1000, 1000)
        bundle = self.bundle("stat", "-c", "%u", "/mapped/f")
        mapping = [{"containerID": 1000, "hostID": 5000, "size": 1}]
        self.mount(bundle, "/mapped", "bind", source, "bind", "idmap", uidMappings=mapping, gidMappings=mapping)
        self.assertEqual(self.run_in(bundle), "5000\n")

    def test_what_lies_about_processes_or_leads_elsewhere_is_refused(self):
        bundle = self.bundle("true")
        self.mount(bundle, "/proc/self", "bind", "/tmp", "bind")
        self.refused(bundle, "inside /proc")
        for name in ("proc", "sys"):
            bundle = self.bundle("true")
            (bundle.path / "rootfs" / name).rmdir()
            (bundle.path / "rootfs" / name).symlink_to("tmp")
            self.refused(bundle, "must be mounted on ordinary directory")

    def test_links_in_the_root_stay_in_the_root(self):
        canary = self.folder / "canary"
        canary.mkdir()
        bundle = self.bundle("ls", "/data")
        depth = "../" * 20
        (bundle.path / "rootfs/data").symlink_to(depth + str(canary).lstrip("/"))
        (bundle.path / "rootfs" / str(canary).lstrip("/")).mkdir(parents=True)
        self.mount(bundle, "/data/deep", "tmpfs", "tmpfs")
        self.assertEqual(self.run_in(bundle), "deep\n")
        self.assertEqual(os.listdir(canary), [])

    def test_devices_with_owners_and_modes(self):
        bundle = self.bundle("stat", "-c", "%F %a %u %g", "/dev/fifo", "/dev/mine/null")
        bundle.config["linux"]["devices"] = [
            {"path": "/dev/fifo", "type": "p", "fileMode": 0o640, "uid": 5, "gid": 6},
            {"path": "/dev/mine/null", "type": "c", "major": 1, "minor": 3, "fileMode": 0o622}]
        self.assertEqual(self.run_in(bundle), "fifo 640 5 6\ncharacter special file 622 0 0\n")

    def test_names_sysctls_and_namespaces_that_are_there(self):
        bundle = self.bundle("sh", "-c", "hostname; cat /proc/sys/kernel/domainname /proc/sys/net/ipv4/ip_forward; "
                             "cat /proc/sys/kernel/shmmni; readlink /proc/self/ns/net", domainname="realm")
        bundle.config["linux"]["sysctl"] = {"net.ipv4.ip_forward": "1", "kernel.shmmni": "77"}
        holder = subprocess.Popen(["unshare", "--net", "sh", "-c", "echo; exec cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(holder.stdout.close)
        self.addCleanup(holder.wait)
        self.addCleanup(holder.stdin.close)
        holder.stdout.readline()
        path = f"/proc/{holder.pid}/ns/net"
        bundle.namespaces("pid", "ipc", "uts", "mount", network=path)
        self.assertEqual(self.run_in(bundle).split(), ["box", "realm", "1", "77", os.readlink(path)])
        bundle = self.bundle("true")
        bundle.namespaces("pid", "uts", "mount", ipc=path)
        self.refused(bundle, "is no ipc namespace")
        bundle = self.bundle("true")
        bundle.config["linux"]["sysctl"] = {"kernel.core_pattern": "|/bin/sh"}
        self.refused(bundle, "it would change the host")

    def test_clocks_of_its_own(self):
        bundle = self.bundle("cat", "/proc/uptime")
        bundle.namespaces("pid", "network", "ipc", "uts", "mount", "time")
        bundle.config["linux"]["timeOffsets"] = {"boottime": {"secs": 50000000}}
        self.assertGreater(float(self.run_in(bundle).split()[0]), 50000000)

    def test_personality_and_priorities(self):
        bundle = self.bundle("sh", "-c", "cat /proc/self/personality; cut -d' ' -f19 /proc/self/stat")
        os.symlink("busybox", bundle.path / "rootfs/bin/cut")
        bundle.config["linux"]["personality"] = {"domain": "LINUX32"}
        bundle.config["process"]["scheduler"] = {"policy": "SCHED_OTHER", "nice": 7}
        bundle.config["process"]["ioPriority"] = {"class": "IOPRIO_CLASS_IDLE", "priority": 0}
        self.assertEqual(self.run_in(bundle).split(), ["00000008", "7"])

    def test_the_root_may_be_read_only_and_shared(self):
        bundle = self.bundle("sh", "-c", "touch /x 2>/dev/null || echo read-only; grep ' / / ' /proc/self/mountinfo || "
                             "grep -c 'shared:' /proc/self/mountinfo")
        bundle.config["root"]["readonly"] = True
        bundle.config["linux"]["rootfsPropagation"] = "rshared"
        out = self.run_in(bundle)
        self.assertTrue(out.startswith("read-only"), out)
        self.assertNotIn(str(bundle.path), pathlib.Path("/proc/self/mountinfo").read_text())

    def test_seccomp_refuses_what_it_is_told_to(self):
        bundle = self.bundle("sh", "-c", "mkdir /tmp/a; echo $?")
        bundle.config["linux"]["seccomp"] = {
            "defaultAction": "SCMP_ACT_ALLOW", "flags": ["SECCOMP_FILTER_FLAG_LOG"],
            "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": errno.EXDEV}]}
        self.assertEqual(self.run_in(bundle), "1\n")

    def test_seccomp_asks_who_listens(self):
        path = str(self.folder / "agent")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
            listener.bind(path)
            listener.listen(1)
            bundle = self.bundle("mkdir", "/tmp/asked")
            bundle.config["linux"]["seccomp"] = {
                "defaultAction": "SCMP_ACT_ALLOW", "listenerPath": path, "listenerMetadata": "mine",
                "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_NOTIFY"}]}
            self.oci.make("c", bundle.write())
            pid = self.oci.state("c")["pid"]
            peer, _ = listener.accept()
            with peer:
                self.oci("start", "c")
                text, ancillary, _, _ = peer.recvmsg(65536, socket.CMSG_SPACE(4))
        told = json.loads(text)
        self.assertEqual((told["fds"], told["pid"], told["metadata"], told["state"]["id"]), (["seccompFd"], pid, "mine", "c"))
        # Nobody answers any more: the call ends with ENOSYS and the program goes on.
        os.close(array.array("i", ancillary[0][2])[0])
        self.oci.ended("c")
        self.assertIn("Function not implemented", (bundle.path / "out-c").read_text())
        bundle = self.bundle("true")
        bundle.config["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW",
                                             "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"}]}
        self.refused(bundle, "needs listenerPath")

    def test_capabilities_that_nobody_knows_are_a_warning(self):
        bundle = self.bundle("true")
        bundle.config["process"]["capabilities"]["bounding"].append("CAP_TOMORROW")
        bundle.write()
        self.assertIn("CAP_TOMORROW", self.oci("run", "--bundle", bundle.path, "c").stderr)

    def test_a_bundle_without_a_process_is_made_but_not_started(self):
        bundle = self.bundle("true")
        del bundle.config["process"]
        self.oci.make("c", bundle.write())
        self.assertEqual(self.oci.status("c"), "created")
        self.assertIn("without process", self.oci("start", "c", check=False).stderr)
        self.oci("delete", "c")

    def test_the_terminal_goes_to_who_listens(self):
        path = str(self.folder / "console")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
            listener.bind(path)
            listener.listen(1)
            bundle = self.bundle("sh", "-c", "stty size; tty; exec sleep 1000")
            bundle.config["process"].update(terminal=True, consoleSize={"height": 31, "width": 97})
            self.assertIn("console socket", self.oci.make("r", bundle.write(), check=False).text)
            self.oci.make("c", bundle, "--console-socket", path)
            peer, _ = listener.accept()
            with peer:
                _, ancillary, _, _ = peer.recvmsg(64, socket.CMSG_SPACE(4))
        fds = array.array("i", ancillary[0][2])
        self.oci("start", "c")
        with os.fdopen(fds[0], "rb", buffering=0) as master:
            self.assertEqual((master.readline().strip(), master.readline().strip()), (b"31 97", b"/dev/pts/0"))
            self.oci("kill", "c", "KILL")
            self.oci.ended("c")

    def test_a_user_namespace_with_mappings(self):
        bundle = self.bundle("sh", "-c", "id -u; cat /proc/self/uid_map; touch /tmp/x; ls -l /dev/null; mount | grep -c ' on /proc type proc'")
        bundle.config["linux"].update(uidMappings=[{"containerID": 0, "hostID": 300000, "size": 65536}],
                                      gidMappings=[{"containerID": 0, "hostID": 300000, "size": 65536}])
        bundle.namespaces("pid", "network", "ipc", "uts", "mount", "user")
        bundle.config["linux"].pop("resources")
        os.chmod(self.folder, 0o755)
        subprocess.run(["chown", "-R", "300000:300000", bundle.path / "rootfs"], check=True)
        out = self.run_in(bundle).split("\n")
        self.assertEqual((out[0], out[1].split(), out[-2]), ("0", ["0", "300000", "65536"], "1"))
        self.oci.make("e", bundle)
        self.oci("start", "e")

    def test_runs_for_a_user_without_rights(self):
        os.chmod(self.folder, 0o755)
        bundle = self.bundle("sh", "-c", "id -u; touch /tmp/mine; ls -d /dev/null; exit 3")
        bundle.config["linux"].update(uidMappings=[{"containerID": 0, "hostID": 65533, "size": 1}],
                                      gidMappings=[{"containerID": 0, "hostID": 65533, "size": 1}])
        bundle.config["linux"].pop("resources")
        bundle.namespaces("pid", "network", "ipc", "uts", "mount", "user")
        for mount in bundle.config["mounts"]:
            mount["options"] = [o for o in mount.get("options", []) if o != "gid=5"]
        bundle.write()
        subprocess.run(["chown", "-R", "65533:65533", bundle.path], check=True)
        state = self.folder / "rootless"
        state.mkdir()
        os.chown(state, 65533, 65533)
        # The program where anybody may run it: the build's folder need not be open.
        program = self.folder / "keelson-oci"
        shutil.copy(self.oci.program, program)
        program.chmod(0o755)
        result = subprocess.run(["setpriv", "--reuid", "65533", "--regid", "65533", "--clear-groups", program, "--root", state, "run",
                                 "--bundle", bundle.path, "c"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                text=True, timeout=120, cwd="/")
        self.assertEqual((result.returncode, result.stdout.split()), (3, ["0", "/dev/null"]), result.stderr)

    def test_what_is_not_there_is_refused_by_name(self):
        bundle = self.bundle("true")
        bundle.config["linux"]["intelRdt"] = {"closID": "x"}
        self.refused(bundle, "linux.intelRdt")
        features = json.loads(self.oci("features").stdout)
        self.assertEqual((features["ociVersionMax"], features["linux"]["intelRdt"]["enabled"]), ("1.3.0", False))
        self.assertIn("rro", features["mountOptions"])

    def test_spec_makes_a_bundle_that_runs(self):
        folder = self.bundle("true").path
        self.oci("spec", "--bundle", folder)
        config = json.loads((folder / "config.json").read_text())
        config["process"].update(terminal=False, args=["hostname"])
        config["linux"]["cgroupsPath"] = f"/{self.prefix}/spec"
        (folder / "config.json").write_text(json.dumps(config))
        self.assertEqual(self.oci("run", "--bundle", folder, "c").stdout, "keelson\n")


if __name__ == "__main__":
    main()
