#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The processes that read what strangers sent, as the kernel sees them while they wait for the first byte: user, capabilities, namespaces,
limits, descriptors, and each system call by its number against the filter that is installed, read back with ptrace."""
import ctypes
import os
import pathlib
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "oci"))
from bundle import BIN, main, until  # noqa: E402

SEIZE, INTERRUPT, GET_FILTER, DETACH = 0x4206, 0x4207, 0x420C, 17
X86_64 = 0xC000003E
ALLOW, ERRNO, KILL = 0x7FFF0000, 0x00050000, (0x00000000, 0x80000000)
# By which processes are left or made, rights won, and other processes, the machine or the kernel's rarer parts are reached.
NEVER = {"execve": 59, "execveat": 322, "fork": 57, "vfork": 58, "ptrace": 101, "process_vm_readv": 310, "process_vm_writev": 311,
         "kill": 62, "tkill": 200, "pidfd_open": 434, "pidfd_getfd": 438, "pidfd_send_signal": 424, "setns": 308, "unshare": 272,
         "mount": 165, "umount2": 166, "pivot_root": 155, "chroot": 161, "open_tree": 428, "move_mount": 429, "fsopen": 430, "fsmount": 432,
         "mount_setattr": 442, "setuid": 105, "setgid": 106, "setresuid": 117, "setresgid": 119, "setgroups": 116, "capset": 126,
         "bpf": 321, "perf_event_open": 298, "keyctl": 250, "add_key": 248, "request_key": 249, "io_uring_setup": 425, "userfaultfd": 323,
         "init_module": 175, "finit_module": 313, "kexec_load": 246, "reboot": 169, "syslog": 103, "quotactl": 179, "swapon": 167,
         "settimeofday": 164, "clock_settime": 227, "adjtimex": 159, "iopl": 172, "ioperm": 173, "sethostname": 170, "personality": 135,
         "open_by_handle_at": 304, "name_to_handle_at": 303, "memfd_create": 319, "shmget": 29, "msgget": 68, "semget": 64,
         "inotify_init1": 294, "fanotify_init": 300, "process_madvise": 440, "seccomp": 317, "prctl": 157, "landlock_restrict_self": 446}
SOCKETS = {"socket": 41, "connect": 42, "bind": 49, "listen": 50, "accept": 43, "accept4": 288, "sendmsg": 46, "sendto": 44}
WRITING = {"unlinkat": 263, "mkdirat": 258, "renameat2": 316, "fchmodat": 268, "fchownat": 260, "mknodat": 259, "symlinkat": 266,
           "linkat": 265, "openat2": 437, "setxattr": 188, "fsetxattr": 190}

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.restype = ctypes.c_long
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


def ptrace(request, pid, address=0, data=0):
    result = libc.ptrace(request, pid, ctypes.c_void_p(address), data)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def filter_of(pid):
    """The installed program as [(code, jt, jf, k)], or None where the kernel does not give it."""
    ptrace(SEIZE, pid)
    try:
        ptrace(INTERRUPT, pid)
        os.waitpid(pid, 0x40000000)
        room = ctypes.create_string_buffer(8 * 4096)
        try:
            count = ptrace(GET_FILTER, pid, 0, ctypes.addressof(room))
        except OSError:
            return None
        return [struct.unpack_from("<HBBI", room.raw, 8 * i) for i in range(count)]
    finally:
        ptrace(DETACH, pid)


def run(program, number, arguments=(0,) * 6, architecture=X86_64):
    """What the kernel does with a call: the filter's program over struct seccomp_data."""
    data = struct.pack("<iIQ6Q", number, architecture, 0, *arguments)
    at = accumulator = index = 0
    memory = [0] * 16
    while True:
        code, yes, no, k = program[at]
        at += 1
        kind = code & 7
        if kind == 0:  # load
            accumulator = {0x20: lambda: struct.unpack_from("<I", data, k)[0], 0x60: lambda: memory[k],
                           0x00: lambda: k}[code & 0xE0]()
        elif kind == 1:
            index = k
        elif kind == 2:
            memory[k] = accumulator
        elif kind == 4:
            value = index if code & 8 else k
            accumulator = {0x50: accumulator & value, 0x40: accumulator | value, 0x00: accumulator + value}[code & 0xF0] & 0xFFFFFFFF
        elif kind == 5:
            value = index if code & 8 else k
            operation = code & 0xF0
            if operation == 0x00:
                at += k
            else:
                met = {0x10: accumulator == value, 0x20: accumulator > value, 0x30: accumulator >= value,
                       0x40: bool(accumulator & value)}[operation]
                at += yes if met else no
        elif kind == 6:
            return accumulator if code & 0x18 == 0x10 else k
        elif kind == 7:
            if code & 0xF8:
                accumulator = index
            else:
                index = accumulator


def status_of(pid):
    return dict(re.findall(r"^(\w+):[ \t]*(.*)$", pathlib.Path(f"/proc/{pid}/status").read_text(), re.M))


def limits_of(pid):
    """{limit: (soft, hard)}"""
    text = pathlib.Path(f"/proc/{pid}/limits").read_text()
    return {name: tuple(int(v) for v in re.search(rf"^Max {words}\s+(\d+)\s+(\d+)", text, re.M).groups())
            for name, words in (("NOFILE", "open files"), ("FSIZE", "file size"), ("CORE", "core file size"), ("AS", "address space"))}


class Jails(unittest.TestCase):
    def setUp(self):
        if os.geteuid() != 0:
            self.skipTest("needs root")
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="keelson-jails-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def start(self, program, arguments, descriptors):
        """A child with exactly these descriptors; it waits for its first byte when its filter is there."""
        high = {number: os.dup2(fd, 100 + number, inheritable=True) for number, fd in descriptors.items()}

        def arrange():
            for number, fd in high.items():
                os.dup2(fd, number, inheritable=True)
        process = subprocess.Popen([str(BIN / program), *arguments], stdin=descriptors.get(0, subprocess.DEVNULL),
                                   stdout=descriptors.get(1, subprocess.DEVNULL), pass_fds=sorted(set(descriptors) - {0, 1, 2}), env={},
                                   preexec_fn=arrange)
        for fd in high.values():
            os.close(fd)

        def end():
            process.kill()
            process.wait()
        self.addCleanup(end)
        until(lambda: process.poll() is not None or status_of(process.pid).get("Seccomp") == "2", f"{program} gives up its rights")
        self.assertIsNone(process.poll(), f"{program} ended with {process.returncode}")
        return process.pid

    def fetch(self):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.addCleanup(ours.close)
        config = os.memfd_create("config")
        text = lambda s: struct.pack("<I", len(s)) + s  # noqa: E731
        os.write(config, struct.pack("<I", 1) + text(b"a/b") + struct.pack("<I", 0) + struct.pack("<qq", 1000, 1000) + struct.pack("<I", 0))
        os.lseek(config, 0, os.SEEK_SET)
        pid = self.start("keelson-fetch", [], {3: theirs.fileno(), 4: config})
        theirs.close()
        os.close(config)
        return pid

    def unpack(self):
        layer, report = os.pipe(), os.pipe()
        for fd in (layer[1], report[0]):
            self.addCleanup(os.close, fd)
        (self.folder / "layer").mkdir()
        folder = os.open(self.folder / "layer", os.O_PATH | os.O_DIRECTORY)
        pid = self.start("keelson-unpack", [str(1 << 30), "1000", "32"], {0: layer[0], 3: report[1], 4: folder})
        for fd in (layer[0], report[1], folder):
            os.close(fd)
        return pid

    def read(self):
        question, answer = os.pipe(), os.pipe()
        for fd in (question[1], answer[0]):
            self.addCleanup(os.close, fd)
        pid = self.start("keelson-read", [], {0: question[0], 1: answer[1]})
        for fd in (question[0], answer[1]):
            os.close(fd)
        return pid

    def has_no_way_out(self, pid, besides):
        status = status_of(pid)
        self.assertEqual((status["NoNewPrivs"], status["Seccomp"]), ("1", "2"))
        for name in ("CapInh", "CapAmb"):
            self.assertEqual(int(status[name], 16), 0, name)
        program = filter_of(pid)
        if program is None:
            self.skipTest("this kernel gives no filter back (CONFIG_CHECKPOINT_RESTORE)")
        for name, number in {**NEVER, **besides}.items():
            for arguments in ((0,) * 6, (0xFFFFFFFFFFFFFFFF,) * 6, (1, 1, 1, 1, 1, 1)):
                self.assertNotEqual(run(program, number, arguments) & 0xFFFF0000, ALLOW, f"{name}{arguments}")
        # A thread is made by clone with CLONE_THREAD; a process is not, and clone3 hides what it makes.
        self.assertNotEqual(run(program, 56, (signal.SIGCHLD, 0, 0, 0, 0, 0)) & 0xFFFF0000, ALLOW)
        self.assertNotEqual(run(program, 435) & 0xFFFF0000, ALLOW)
        self.assertNotEqual(run(program, 234, (1, 1, 9, 0, 0, 0)) & 0xFFFF0000, ALLOW, "a signal to another process")
        for other in (0x40000003, 0xC00000B7):  # i386, aarch64: the same numbers mean other calls there
            self.assertIn(run(program, 1, architecture=other) & 0xFFFF0000, (*KILL, ERRNO))
        for number in range(450, 600):
            self.assertNotEqual(run(program, number) & 0xFFFF0000, ALLOW, f"call {number}, newer than the list")
        self.assertEqual(run(program, 0) & 0xFFFF0000, ALLOW, "read: the filter is really the one")
        return status, program

    def test_fetch_is_nobody_and_writes_no_file(self):
        pid = self.fetch()
        status, program = self.has_no_way_out(pid, WRITING)
        self.assertEqual(set(status["Uid"].split() + status["Gid"].split()), {status["Uid"].split()[0]})
        self.assertGreater(int(status["Uid"].split()[0]), 999)
        self.assertEqual(status["Groups"].strip(), "")
        for name in ("CapPrm", "CapEff", "CapBnd"):
            self.assertEqual(int(status[name], 16), 0, name)
        for flags in (os.O_WRONLY, os.O_RDWR, os.O_CREAT, os.O_TRUNC):
            self.assertNotEqual(run(program, 257, (0, 0, flags, 0, 0, 0)) & 0xFFFF0000, ALLOW, "openat for writing")
        for family in (1, 2, 10, 16):
            self.assertEqual(run(program, 41, (family, 0, 0, 0, 0, 0)) & 0xFFFF0000, ALLOW)
        for family in (17, 38, 40, 44):  # packets, the kernel's cryptography, virtual machines, XDP
            self.assertNotEqual(run(program, 41, (family, 0, 0, 0, 0, 0)) & 0xFFFF0000, ALLOW, f"socket {family}")
        self.assertNotEqual(run(program, SOCKETS["listen"]) & 0xFFFF0000, ALLOW)
        limits = limits_of(pid)
        self.assertEqual(limits["CORE"], (0, 0))
        self.assertLessEqual(limits["NOFILE"][1], 256)
        self.assertLessEqual(limits["FSIZE"][1], 64 << 20)
        self.assertLessEqual(limits["AS"][1], 2 << 30)

    def test_read_has_a_question_an_answer_and_memory(self):
        pid = self.read()
        status, program = self.has_no_way_out(pid, {**SOCKETS, **WRITING})
        self.assertEqual(set(status["Uid"].split() + status["Gid"].split()), {"60602"})
        self.assertEqual(status["Groups"].strip(), "")
        self.assertEqual(status["Threads"], "1")
        for name in ("CapPrm", "CapEff", "CapBnd"):
            self.assertEqual(int(status[name], 16), 0, name)
        allowed = [number for number in range(450) for first in (0, 1, 2)
                   if run(program, number, (first, 0, 0, 0, 0, 0)) & 0xFFFF0000 == ALLOW]
        self.assertEqual(sorted(set(allowed)), [0, 1, 9, 11, 12, 25, 28, 60, 231])  # read, write, memory, its end
        self.assertEqual((allowed.count(0), allowed.count(1)), (1, 1), "one descriptor to read, another to write")
        self.assertNotEqual(run(program, 0, (1, 0, 0, 0, 0, 0)) & 0xFFFF0000, ALLOW)
        self.assertNotEqual(run(program, 9, (0, 4096, 4, 0x22, 0, 0)) & 0xFFFF0000, ALLOW, "memory to execute")
        self.assertEqual(sorted(os.listdir(f"/proc/{pid}/fd")), ["0", "1", "2"])
        limits = limits_of(pid)
        self.assertEqual((limits["CORE"], limits["FSIZE"], limits["NOFILE"]), ((0, 0), (0, 0), (3, 3)))
        self.assertLessEqual(limits["AS"][1], 1 << 30)

    def test_unpack_sees_its_layer_and_has_no_network(self):
        pid = self.unpack()
        status, program = self.has_no_way_out(pid, SOCKETS)
        files = sum(1 << bit for bit in (0, 1, 3, 4, 27, 31))  # owner, any file, mode, set-id, nodes, file capabilities
        self.assertEqual(int(status["CapEff"], 16) & ~files, 0)
        self.assertEqual(int(status["CapBnd"], 16) & ~files, 0)
        for name in ("mnt", "net", "ipc", "uts"):
            self.assertNotEqual(os.readlink(f"/proc/{pid}/ns/{name}"), os.readlink(f"/proc/self/ns/{name}"), name)
        mounts = pathlib.Path(f"/proc/{pid}/mountinfo").read_text().splitlines()
        self.assertEqual(len(mounts), 1, mounts)
        for word in ("nosuid", "nodev", "noexec"):
            self.assertIn(word, mounts[0].split()[5])
        self.assertEqual(os.listdir(f"/proc/{pid}/root"), [])
        limits = limits_of(pid)
        self.assertEqual(limits["CORE"], (0, 0))
        self.assertEqual(limits["FSIZE"], (1 << 30, 1 << 30))
        self.assertLessEqual(limits["NOFILE"][1], 256)
        self.assertLessEqual(limits["AS"][1], 2 << 30)

    def test_nothing_that_is_shipped_changes_its_user(self):
        for program in BIN.iterdir():
            mode = program.stat().st_mode
            self.assertEqual(mode & 0o6000, 0, program)
            with self.assertRaises(OSError, msg=f"{program} has capabilities of a file"):
                os.getxattr(program, "security.capability")


if __name__ == "__main__":
    main()
