# SPDX-License-Identifier: Apache-2.0
"""The runtimes under test, each an instance with every folder below one, started and taken away again: Keelson, and containerd 2 as
scripts/bench builds it. They run in namespaces of the test's own (see run), so bridge names and subnets need not be unique."""
import contextlib
import glob
import os
import shutil
import subprocess
import time

import isolation
import tools


class Runtime:
    """Processes that end with the run; `folder` holds all that they write."""

    def __init__(self, folder):
        self.folder = folder
        self.process = None
        self.endpoint = "unix:///run/critest.sock"
        os.makedirs(folder, exist_ok=True)

    def spawn(self, command, path):
        with open(os.path.join(self.folder, "log"), "a") as log:
            environment = {"PATH": path, "HOME": self.folder, "TMPDIR": os.environ.get("TMPDIR", "/tmp"),
                           **{name: value for name, value in os.environ.items() if name.endswith("SAN_OPTIONS")}}
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)
        deadline = time.monotonic() + 120
        while not os.path.exists(self.endpoint.removeprefix("unix://")):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{command[0]} does not start (status {self.process.poll()}):\n{self.log_tail()}")
            time.sleep(0.05)

    def log_tail(self, lines=25):
        try:
            with open(os.path.join(self.folder, "log"), errors="replace") as log:
                return "".join(log.readlines()[-lines:])
        except OSError:
            return ""

    def end(self):
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise RuntimeError(f"{self.process.args[0]} did not end within 30 s of SIGTERM") from None

    def remove_groups(self):
        """Control groups of pods, by the ids that the runtime wrote down, once all their processes are gone."""
        for pod in self.pods_written_down():
            isolation.remove_control_groups(f"{self.group}/{pod}")
        for top in isolation.control_groups(self.group):
            with contextlib.suppress(OSError):  # others' pods are in it
                os.rmdir(top)


class Keelson(Runtime):
    title = "Keelson"
    group = "keelson"

    def __init__(self, folder, programs):
        super().__init__(folder)
        self.programs = programs
        self.command = [os.path.join(programs, "keelson-runtime"), "--state-dir", folder + "/state", "--run-dir", "/run/critest", "--config-dir",
                        folder + "/etc", "--socket", self.endpoint.removeprefix("unix://"), "--bridge", "kcritest0", "--pod-subnet",
                        "10.199.16.0/20", "--pod-network", "10.199.16.0/20", "--seccomp-root", os.environ.get("TMPDIR", "/tmp")]

    def start(self, mirror):
        os.makedirs(self.folder + "/etc/registries/_default")
        with open(self.folder + "/etc/registries/_default/hosts.toml", "w") as file:
            file.write(mirror)
        self.spawn(self.command, os.environ["PATH"])

    def clean_up(self):
        self.end()
        done = subprocess.run(self.command + ["cleanup"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
        if done.returncode != 0:
            raise RuntimeError(f"keelson-runtime cleanup: {done.stdout}{done.stderr}")

    def pods_written_down(self):
        return os.listdir(self.folder + "/state/pods") if os.path.isdir(self.folder + "/state/pods") else []


class Containerd(Runtime):
    title = "containerd"
    group = "k8s.io"

    def start(self, mirror):
        programs = max(glob.glob(tools.cache() + "/peers-containerd-v2*"), default="")
        if not os.path.exists(programs + "/containerd") or not os.path.exists("/usr/lib/cni/bridge"):
            raise RuntimeError("containerd 2 is not there: `scripts/bench pod` builds it; its plugins are containernetworking-plugins")
        runc = programs + "/runc" if os.path.exists(programs + "/runc") else shutil.which("runc")
        for place in ("hosts/_default", "cni"):
            os.makedirs(os.path.join(self.folder, place))
        apparmor = os.path.exists("/sys/kernel/security/apparmor")
        files = {
            "hosts/_default/hosts.toml": mirror,
            "cni/10-critest.conflist": """{"cniVersion": "1.0.0", "name": "critest", "plugins": [
  {"type": "bridge", "bridge": "kcritest1", "isGateway": true, "ipMasq": true, "hairpinMode": true,
   "ipam": {"type": "host-local", "dataDir": "/run/cni-critest", "ranges": [[{"subnet": "10.199.32.0/20"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
  {"type": "portmap", "capabilities": {"portMappings": true}}]}""",
            "config.toml": f"""version = 3
root = '{self.folder}/root'
state = '{self.folder}/state'
disabled_plugins = ['io.containerd.snapshotter.v1.btrfs', 'io.containerd.snapshotter.v1.zfs', 'io.containerd.nri.v1.nri',
  'io.containerd.snapshotter.v1.devmapper', 'io.containerd.tracing.processor.v1.otlp', 'io.containerd.internal.v1.tracing']
[grpc]
address = '{self.endpoint.removeprefix("unix://")}'
[plugins.'io.containerd.cri.v1.images'.pinned_images]
sandbox = 'registry.k8s.io/pause:3.10.2'
[plugins.'io.containerd.cri.v1.images'.registry]
config_path = '{self.folder}/hosts'
[plugins.'io.containerd.cri.v1.runtime']
restrict_oom_score_adj = true
netns_mounts_under_state_dir = true
disable_apparmor = {str(not apparmor).lower()}
[plugins.'io.containerd.cri.v1.runtime'.cni]
bin_dirs = ['/usr/lib/cni']
conf_dir = '{self.folder}/cni'
[plugins.'io.containerd.cri.v1.runtime'.containerd]
default_runtime_name = 'runc'
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
runtime_type = 'io.containerd.runc.v2'
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
BinaryName = '{runc}'
SystemdCgroup = false
"""}
        for name, text in files.items():
            with open(os.path.join(self.folder, name), "w") as file:
                file.write(text)
        self.spawn([programs + "/containerd", "--config", self.folder + "/config.toml"], programs + ":" + os.environ["PATH"])

    def clean_up(self):
        self.end()  # its shims end with the process namespace

    def pods_written_down(self):
        return [os.path.basename(p) for p in glob.glob(self.folder + "/state/io.containerd.runtime.v2.task/k8s.io/*")]

    def load(self, images):
        for layout, name in images:
            archive = self.folder + "/image.tar"
            subprocess.run(["tar", "-C", layout, "-cf", archive, "."], check=True)
            subprocess.run(["ctr", "-a", self.endpoint.removeprefix("unix://"), "-n", "k8s.io", "images", "import", "--base-name",
                            name.rpartition(":")[0], archive], check=True, stdout=subprocess.DEVNULL)
