# SPDX-License-Identifier: Apache-2.0
"""The parts of a cluster, Keelson's and upstream's, as processes in namespaces of the test's own (tests/critest/isolation.py), each with a
log of its own in the work folder. Nothing in there is shared with the machine but files and cgroups, so ports and names are fixed."""
import base64
import glob
import json
import os
import re
import subprocess
import time
import urllib.request

NODE, ADDRESS, SERVICES = "node", "10.199.0.1", "10.43.0.0/16"
SERVER = f"https://{ADDRESS}:6443"
OTHER = "10.199.0.2"  # a machine beside the node
NAMES = "10.43.0.10"  # where pods ask for names
ERRORS = r"^E\d{4} "  # klog's
# What an API server answers that a client of a release does not expect of it; a node asks as nobody until it has its certificate.
COMPLAINTS = (r"^[EW]\d{4} (?!.*(system:anonymous|no relationship found)).*(reflector|[Ff]ailed to (watch|list)|could not find the requested resource|"
              r"forbidden|[Uu]nauthorized|not acceptable|media type|is invalid|BadRequest|unable to decode|no kind is registered|"
              r"unrecognized format|InternalError|an error on the server|StatusReason)")
PATIENCE = 180  # seconds: how long anything may take on a busy machine


class Failed(Exception):
    """What was not so."""


class Parts:
    """All that was started; ended in turn, the last one first."""

    def __init__(self, work, programs):
        self.work, self.programs = work, programs  # programs: name -> path
        self.running = {}
        self.pause = 0.1  # between two questions whether something is so
        self.waits = True  # for what is started
        os.makedirs(work + "/logs", exist_ok=True)

    def spawn(self, name, command, ready=lambda: True):
        with open(self.log(name), "w") as log:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                       env={**os.environ, "HOME": self.work})
        self.running[name] = process
        if self.waits:
            self.until(ready, name + " begins")

    def log(self, name):
        return f"{self.work}/logs/{name}.log"

    def lines(self, name, pattern):
        with open(self.log(name), errors="replace") as file:
            return [line.rstrip() for line in file if re.search(pattern, line)]

    def end(self, name):
        process = self.running.pop(name, None)
        if process is None:
            return
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def end_all(self):
        for name in reversed(list(self.running)):
            self.end(name)

    def until(self, true, what, patience=PATIENCE):
        """What `true` answers once that is so."""
        deadline, last = time.monotonic() + patience, ""
        while time.monotonic() < deadline:
            for name, process in self.running.items():
                if process.poll() is not None:
                    raise Failed(f"{what}: {name} ended with {process.returncode}")
            try:
                if answer := true():
                    return answer
            except (OSError, ValueError, KeyError, IndexError, Failed, subprocess.SubprocessError) as error:
                last = f": {error}"
            time.sleep(self.pause)
        raise Failed(f"{what}: not in {patience} s{last}")

    def kubectl(self, *words, stdin=None, fails=False):
        """Its output; with what it says beside it where it is to fail."""
        done = subprocess.run([self.programs["kubectl"], *words], text=True, timeout=PATIENCE, capture_output=True,
                              env=self.kubectl_environment(),
                              **({"input": stdin} if stdin is not None else {"stdin": subprocess.DEVNULL}))
        if (done.returncode != 0) != fails:
            raise Failed(f"kubectl {' '.join(words)}: {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout + done.stderr if fails else done.stdout

    def kubectl_environment(self):
        more = {name: value for name, value in os.environ.items() if name.startswith("KUBECTL_")}
        return {"PATH": os.environ["PATH"], "HOME": self.work, "KUBECONFIG": self.kubeconfig(), **more}

    def json(self, *words):
        return json.loads(self.kubectl(*words, "-o", "json"))

    def apply(self, *objects):
        self.kubectl("apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)}))

    def kubeconfig(self):
        return self.work + "/admin.kubeconfig"

    def pki(self, name):
        return f"{self.work}/master/pki/{name}"

    def write_kubeconfig(self, name, user):
        """`user`: as a kubeconfig has it."""
        with open(self.pki("ca.crt"), "rb") as file:
            authority = base64.b64encode(file.read()).decode()
        path = f"{self.work}/{name}.kubeconfig"
        with open(path, "w") as file:
            json.dump({"apiVersion": "v1", "kind": "Config", "current-context": "c",
                       "clusters": [{"name": "c", "cluster": {"server": SERVER, "certificate-authority-data": authority}}],
                       "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}], "users": [{"name": "u", "user": user}]}, file)
        return path

    def proxy_kubeconfig(self):
        return self.token_kubeconfig("kube-proxy", "system:node-proxier")

    def token_kubeconfig(self, account, *roles):
        """A service account of kube-system with cluster roles, and who is it by a token."""
        self.kubectl("create", "serviceaccount", account, "-n", "kube-system")
        for role in roles:
            self.kubectl("create", "clusterrolebinding", f"{account}-{role.replace(':', '-')}", f"--clusterrole={role}", f"--serviceaccount=kube-system:{account}")
        return self.write_kubeconfig(account, {"token": self.kubectl("create", "token", account, "-n", "kube-system", "--duration=2h").strip()})

    # --- control planes

    def keelson_master(self):
        self.spawn("keelson-master", [self.programs["keelson-master"], "--state-dir", self.work + "/master", "--kubeconfig", self.kubeconfig(),
                                      "--address", ADDRESS, "--port", "6443", "--service-cidr", SERVICES],
                   lambda: "the API is served" in open(self.log("keelson-master")).read())

    def make_identity(self):
        """What a control plane is made of in keys and certificates, and the administrator's access: keelson-master's own."""
        self.keelson_master()
        self.end("keelson-master")

    def is_ready(self):
        return "ok" in self.kubectl("get", "--raw", "/readyz")

    def upstream_master(self):
        """etcd and the three programs, with an identity that is there."""
        self.spawn("etcd", [self.programs["etcd"], "--data-dir", self.work + "/etcd", "--listen-client-urls", "http://127.0.0.1:2379",
                            "--advertise-client-urls", "http://127.0.0.1:2379", "--listen-peer-urls", "http://127.0.0.1:2380", "--log-level", "error"],
                   lambda: "true" in self.get("http://127.0.0.1:2379/health"))
        pki = self.pki
        self.spawn("kube-apiserver", [
            self.programs["kube-apiserver"], "--etcd-servers", "http://127.0.0.1:2379", "--secure-port", "6443", "--bind-address", ADDRESS,
            "--advertise-address", ADDRESS, "--client-ca-file", pki("ca.crt"), "--tls-cert-file", pki("apiserver.crt"), "--tls-private-key-file",
            pki("apiserver.key"), "--service-account-key-file", pki("sa.pub"), "--service-account-signing-key-file", pki("sa.key"),
            "--service-account-issuer", "https://kubernetes.default.svc.cluster.local", "--service-cluster-ip-range", SERVICES,
            "--kubelet-client-certificate", pki("apiserver-kubelet-client.crt"), "--kubelet-client-key", pki("apiserver-kubelet-client.key"),
            "--kubelet-preferred-address-types", "InternalIP", "--authorization-mode", "Node,RBAC", "--enable-admission-plugins", "NodeRestriction",
            "--enable-bootstrap-token-auth", "--allow-privileged", "--cert-dir", self.work + "/apiserver"],
            self.is_ready)
        self.spawn("kube-controller-manager", [
            self.programs["kube-controller-manager"], "--kubeconfig", self.kubeconfig(), "--leader-elect=false", "--bind-address", "127.0.0.1",
            "--service-account-private-key-file", pki("sa.key"), "--root-ca-file", pki("ca.crt"), "--cluster-signing-cert-file", pki("ca.crt"),
            "--cluster-signing-key-file", pki("ca.key"), "--cert-dir", self.work + "/controllers", "--flex-volume-plugin-dir", self.work + "/plugins"])
        self.spawn("kube-scheduler", [self.programs["kube-scheduler"], "--kubeconfig", self.kubeconfig(), "--leader-elect=false", "--bind-address",
                                      "127.0.0.1", "--cert-dir", self.work + "/scheduler"])

    # --- nodes

    def bootstrap_kubeconfig(self):
        """A token, and that who shows it may ask for a node's certificate and get it."""
        self.apply(
            {"apiVersion": "v1", "kind": "Secret", "type": "bootstrap.kubernetes.io/token", "metadata": {"name": "bootstrap-token-abcdef", "namespace": "kube-system"},
             "stringData": {"token-id": "abcdef", "token-secret": "0123456789abcdef", "usage-bootstrap-authentication": "true",
                            "auth-extra-groups": "system:bootstrappers:test"}},
            *[{"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "test" + role.rpartition(":")[2]},
               "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
               "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "system:bootstrappers:test"}]}
              for role in ("system:node-bootstrapper", "system:certificates.k8s.io:certificatesigningrequests:nodeclient")])
        return self.write_kubeconfig("bootstrap", {"token": "abcdef.0123456789abcdef"})

    def upstream_kubelet(self, endpoint, *who):
        """`who`: its options that say so."""
        self.spawn("kubelet", [self.programs["kubelet"], "--config", self.kubelet_configuration(endpoint), "--root-dir", self.work + "/kubelet", "--cert-dir",
                               self.work + "/kubelet/pki", "--hostname-override", NODE, "--node-ip", ADDRESS, "--v=2", *who])

    def join_upstream_kubelet(self, endpoint, *more):
        """By a bootstrap token: it gets its certificate from the control plane."""
        self.upstream_kubelet(endpoint, "--bootstrap-kubeconfig", self.bootstrap_kubeconfig(), "--kubeconfig", self.work + "/kubelet.kubeconfig", *more)

    def node_kubeconfig(self):
        """A certificate that is made for the node."""
        key, request, certificate = (f"{self.work}/node.{suffix}" for suffix in ("key", "csr", "crt"))
        for command in (["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out", request,
                         "-subj", f"/O=system:nodes/CN=system:node:{NODE}"],
                        ["x509", "-req", "-in", request, "-CA", self.pki("ca.crt"), "-CAkey", self.pki("ca.key"), "-CAcreateserial", "-days", "2",
                         "-out", certificate]):
            subprocess.run(["openssl", *command], check=True, stdin=subprocess.DEVNULL, capture_output=True)
        return self.write_kubeconfig("node", {"client-certificate": certificate, "client-key": key})

    def keelson_kubelet(self, endpoint, kubeconfig):
        self.spawn("keelson-kubelet", [self.programs["keelson-kubelet"], "--config", self.kubelet_configuration(endpoint), "--root-dir",
                                       self.work + "/kubelet", "--hostname-override", NODE, "--node-ip", ADDRESS, "--kubeconfig", kubeconfig,
                                       "--pod-manifest-path", self.work + "/manifests", "--socket", "/run/kubelet.sock", "--log-links-dir", ""])

    def keelson_proxy(self, pods, kubeconfig, *more):
        self.spawn("keelson-proxy", [self.programs["keelson-proxy"], "--kubeconfig", kubeconfig,
                                     "--hostname-override", NODE, "--cluster-cidr", pods, "--healthz-bind-address", ADDRESS + ":10256",
                                     "--metrics-bind-address", "127.0.0.1:10249", *more], lambda: self.get(f"http://{ADDRESS}:10256/healthz"))

    def zone_file(self):
        return self.work + "/names/zone.json"

    def keelson_dns(self, address):
        self.spawn("keelson-dns", [self.programs["keelson-dns"], "--listen", address, "--zone-file", self.zone_file()])

    def names_of_another_node(self, kubeconfig):
        """A keelson-proxy in a network namespace of its own, which writes down what names there are."""
        script = f"""set -e
            nsenter --net=/proc/{os.getpid()}/ns/net ip link add kother0 up master knode0 type veth peer name eth0 netns $$
            ip link set lo up
            ip address add {OTHER}/24 dev eth0
            ip link set eth0 up
            exec "$@" """
        self.spawn("keelson-names", ["unshare", "--net", "sh", "-c", script, "sh", self.programs["keelson-proxy"], "--kubeconfig", kubeconfig,
                                     "--hostname-override", "other", "--zone-file", self.zone_file()], lambda: os.path.exists(self.zone_file()))

    def kubelet_configuration(self, endpoint):
        """One file for either kubelet."""
        group = self.make_group()
        for folder in ("manifests", "pod-logs", "kubelet"):
            os.makedirs(f"{self.work}/{folder}", exist_ok=True)
        configuration = {
            "apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration", "containerRuntimeEndpoint": endpoint, "address": ADDRESS,
            "failCgroupV1": False, "cgroupDriver": "cgroupfs", "cgroupRoot": "/" + group, "enforceNodeAllocatable": [], "oomScoreAdj": 0,
            "failSwapOn": False, "podLogsDir": self.work + "/pod-logs", "clusterDNS": [NAMES], "clusterDomain": "cluster.local",
            "authentication": {"anonymous": {"enabled": False}, "webhook": {"enabled": True}, "x509": {"clientCAFile": self.pki("ca.crt")}},
            "authorization": {"mode": "Webhook"}, "rotateCertificates": True, "registerNode": True,
            "evictionHard": {"memory.available": "1Mi", "nodefs.available": "0%", "imagefs.available": "0%"}, "imageGCHighThresholdPercent": 100,
            "resolvConf": self.resolvers(), "makeIPTablesUtilChains": False, "volumePluginDir": self.work + "/plugins", "readOnlyPort": 0}
        path = self.work + "/kubelet.json"
        with open(path, "w") as file:
            json.dump(configuration, file)
        return path

    def resolvers(self):
        with open(self.work + "/resolv.conf", "w") as file:
            file.write(f"nameserver {ADDRESS}\n")
        return self.work + "/resolv.conf"

    def make_group(self):
        """A root for pods' cgroups, named after the work folder, in every hierarchy that is ours to use."""
        name = os.path.basename(self.work)
        unified = os.path.exists("/sys/fs/cgroup/cgroup.controllers")
        for hierarchy in ["/sys/fs/cgroup/"] if unified else glob.glob("/sys/fs/cgroup/*/"):
            group = hierarchy + name
            try:
                os.mkdir(group)
            except OSError:
                continue
            for setting in ("cpuset.cpus", "cpuset.mems"):  # v1 gives a new one none
                if os.path.exists(f"{group}/{setting}") and not unified:
                    with open(f"{hierarchy}/{setting}") as above, open(f"{group}/{setting}", "w") as here_too:
                        here_too.write(above.read())
        return name

    def upstream_proxy(self, pods, kubeconfig):
        configuration = {"apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration", "mode": "iptables",
                         "clientConnection": {"kubeconfig": kubeconfig}, "clusterCIDR": pods,
                         "hostnameOverride": NODE, "healthzBindAddress": ADDRESS + ":10256", "metricsBindAddress": "127.0.0.1:10249",
                         "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
                         "iptables": {"minSyncPeriod": "0s"}}
        with open(self.work + "/kube-proxy.json", "w") as file:
            json.dump(configuration, file)
        self.spawn("kube-proxy", [self.programs["kube-proxy"], "--config", self.work + "/kube-proxy.json", "--v=2"],
                   lambda: self.get(f"http://{ADDRESS}:10256/healthz"))

    @staticmethod
    def get(url):
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.read().decode()
