// SPDX-License-Identifier: Apache-2.0
#include "cli/cluster/units/sandbox.h"

#include "cli/cluster/units/unit_text.h"

namespace keelson::cluster {
namespace {

// Of a process that needs the network, its own folders and nothing else of the machine. All of it
// leaves the host's mounts, hence never for runtime and kubelet.
constexpr char kAlone[] =
    "NoNewPrivileges=yes\n"         // nothing that it starts is to have more rights
    "ProtectSystem=strict\n"        //
    "ProtectHome=read-only\n"       // programs and an administrator's kubeconfig may be there
    "PrivateDevices=yes\n"          // no disk, no memory, no terminal
    "ProtectKernelTunables=yes\n"   // settings are the proxy's and the kubelet's matter
    "ProtectKernelModules=yes\n"    // those that a node needs come with others' calls
    "ProtectKernelLogs=yes\n"       // of no use to it, and they tell addresses
    "ProtectControlGroups=yes\n"    // groups are the runtime's
    "ProtectClock=yes\n"            // certificates and tokens are judged by it
    "ProtectHostname=yes\n"         // its name is an argument
    "ProtectProc=invisible\n"       // what others run is no matter of theirs
    "UMask=0077\n"                  // what it writes is root's alone
    "RestrictNamespaces=yes\n"      // the way to most holes of the kernel
    "RestrictRealtime=yes\n"        // pods are not to starve behind it
    "RestrictSUIDSGID=yes\n"        // nobody is to become root by a file of ours
    "LockPersonality=yes\n"         // old ones switch randomised addresses off
    "MemoryDenyWriteExecute=yes\n"  // nothing here makes code as it runs
    "SystemCallArchitectures=native\n";

// Private, unless something of the node's is there.
std::string TemporaryFolders(const NodeOptions& node) {
  for (const std::string& path : {node.state_dir, node.run_dir, node.config_dir,
                                  node.admin_kubeconfig(), node.programs, node.kubelet_root})
    if (path.starts_with("/tmp/") || path.starts_with("/var/tmp/")) return "";
  return "PrivateTmp=yes\n";
}

std::string FolderOf(const std::string& path) { return path.substr(0, path.rfind('/')); }

std::string MayWrite(const std::string& path) { return "ReadWritePaths=" + Quoted(path) + "\n"; }

std::string OfMaster(const NodeOptions& node) {
  return std::string(kAlone) + TemporaryFolders(node) + MayWrite(node.state_dir + "/master") +
         MayWrite("-" + FolderOf(node.admin_kubeconfig())) +
         // As root with the rights of an owner alone: its ports are above 1023, its files its own.
         "CapabilityBoundingSet=\n"
         "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK\n"
         "SystemCallFilter=@system-service\n"
         "SystemCallErrorNumber=EPERM\n";  // a call that is missed is told, not killed for
}

std::string OfDns(const NodeOptions& node) {
  return std::string(kAlone) + TemporaryFolders(node) + MayWrite(node.run_dir) +
         // Port 53, the socket by which the proxy hands over those of the one before, and then it
         // becomes nobody with a list of system calls of its own.
         "CapabilityBoundingSet=CAP_NET_BIND_SERVICE CAP_DAC_OVERRIDE CAP_SETUID CAP_SETGID "
         "CAP_SETPCAP\n"
         "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6\n";
}

std::string OfProxy(const NodeOptions& node) {
  return "NoNewPrivileges=yes\n"
         "ProtectSystem=strict\n"
         "ProtectHome=read-only\n" +
         TemporaryFolders(node) +
         // The lock that all users of iptables share is in /run, the names for the pods too.
         MayWrite("/run") + (node.run_dir.starts_with("/run/") ? "" : MayWrite(node.run_dir)) +
         "PrivateDevices=yes\n"
         "ProtectKernelLogs=yes\n"
         "ProtectControlGroups=yes\n"
         "ProtectClock=yes\n"
         "ProtectHostname=yes\n"
         "RestrictNamespaces=yes\n"
         "RestrictRealtime=yes\n"
         "RestrictSUIDSGID=yes\n"
         "LockPersonality=yes\n"
         "MemoryDenyWriteExecute=yes\n"
         // Rules, routes and the kernel's settings of the network; iptables loads its modules; one
         // socket is the name server's.
         "CapabilityBoundingSet=CAP_NET_ADMIN CAP_NET_RAW CAP_NET_BIND_SERVICE CAP_SYS_MODULE "
         "CAP_CHOWN\n"
         "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK\n"
         // A list of what is forbidden: iptables and what loads its modules are others' programs.
         "SystemCallArchitectures=native\n"
         "SystemCallFilter=~@clock @cpu-emulation @debug @mount @obsolete @raw-io @reboot @swap\n"
         "SystemCallErrorNumber=EPERM\n";
}

// Mounts volumes where the runtime looks for them: the host's mounts, and the helpers of file
// systems, which are others' programs.
constexpr char kOfKubelet[] =
    "NoNewPrivileges=yes\n"
    "RestrictRealtime=yes\n"
    "LockPersonality=yes\n"
    "SystemCallArchitectures=native\n"
    // Neither it nor a helper of a file system sets clocks, reboots, writes policies or audit
    // rules.
    "CapabilityBoundingSet=~CAP_AUDIT_CONTROL CAP_AUDIT_READ CAP_BLOCK_SUSPEND CAP_LEASE "
    "CAP_MAC_ADMIN CAP_MAC_OVERRIDE CAP_SYS_BOOT CAP_SYS_PACCT CAP_SYS_TIME CAP_SYS_TTY_CONFIG "
    "CAP_WAKE_ALARM\n"
    "SystemCallFilter=~@clock @cpu-emulation @obsolete @raw-io @reboot @swap\n"
    "SystemCallErrorNumber=EPERM\n";

}  // namespace

std::string SandboxOf(const NodeOptions& node, const std::string& process) {
  if (process == "master") return OfMaster(node);
  if (process == "dns") return OfDns(node);
  if (process == "proxy") return OfProxy(node);
  if (process == "kubelet") return kOfKubelet;
  // The runtime: whatever it may not do no container may, all their processes come from it.
  return "";
}

}  // namespace keelson::cluster
