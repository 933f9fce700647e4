// SPDX-License-Identifier: Apache-2.0
#include "runtime/container/plan.h"

#include <signal.h>
#include <sys/mount.h>

#include <algorithm>

#include "cri-api/container.pb.h"
#include "cri-api/cri.h"
#include "cri-api/sandbox.pb.h"
#include "lib/base/strings.h"
#include "lib/base/weakness.h"
#include "runtime/container/resources.h"
#include "runtime/container/volumes.h"
#include "runtime/security/defaults.h"
#include "runtime/security/selinux.h"

namespace keelson::container {

using base::Result;
using base::Status;
using spec::Mount;

namespace {

constexpr uint64_t kSafe = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;

void AddStandardMounts(const cri::LinuxContainerSecurityContext& security, Plan& plan) {
  const bool privileged = security.privileged();
  const bool host_ipc = security.namespace_options().ipc() == cri::NODE;
  std::vector<Mount>& mounts = plan.spec.mounts;
  mounts.push_back({.kind = Mount::Kind::kProc, .destination = "/proc", .attributes = kSafe});
  mounts.push_back({.kind = Mount::Kind::kTmpfs,
                    .destination = "/dev",
                    .options = "mode=755,size=65536k",
                    .attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_STRICTATIME});
  mounts.push_back({.kind = Mount::Kind::kDevpts,
                    .destination = "/dev/pts",
                    .options = "newinstance,ptmxmode=0666,mode=0620,gid=5",
                    .attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC});
  if (host_ipc) {
    mounts.push_back({.kind = Mount::Kind::kBind,
                      .destination = "/dev/shm",
                      .source_fd = static_cast<uint32_t>(plan.sources.size()),
                      .attributes = kSafe});
    plan.sources.push_back({.path = "/dev/shm", .field = "/dev/shm"});
  } else {
    mounts.push_back(
        {.kind = Mount::Kind::kPodShm, .destination = "/dev/shm", .attributes = kSafe});
  }
  mounts.push_back(
      {.kind = Mount::Kind::kMqueue, .destination = "/dev/mqueue", .attributes = kSafe});
  const bool writable = privileged || KEELSON_WEAKENED_AT("cgroup-read-only");
  const uint64_t kernel_view = kSafe | (writable ? 0 : MOUNT_ATTR_RDONLY);
  mounts.push_back({.kind = Mount::Kind::kSysfs, .destination = "/sys", .attributes = kernel_view});
  mounts.push_back(
      {.kind = Mount::Kind::kCgroup, .destination = "/sys/fs/cgroup", .attributes = kernel_view});
}

void AddPodFile(const std::string& host_path, const char* container_path, bool read_only_root,
                Plan& plan) {
  if (host_path.empty()) return;
  for (const Mount& mount : plan.spec.mounts) {
    if (mount.destination == container_path) return;  // the container brings its own
  }
  Mount mount;
  mount.kind = Mount::Kind::kBind;
  mount.destination = container_path;
  mount.source_fd = static_cast<uint32_t>(plan.sources.size());
  if (read_only_root) mount.attributes |= MOUNT_ATTR_RDONLY;
  plan.sources.push_back({.path = host_path, .field = container_path});
  plan.spec.mounts.push_back(std::move(mount));
}

// A volume over /etc must not hide one at /etc/hosts that was named before it: parents first,
// equals as given.
void OrderMounts(std::vector<Mount>& mounts, size_t fixed) {
  const auto depth = [](const Mount& mount) {
    return std::count(mount.destination.begin(), mount.destination.end(), '/');
  };
  std::stable_sort(mounts.begin() + static_cast<std::ptrdiff_t>(fixed), mounts.end(),
                   [&](const Mount& a, const Mount& b) { return depth(a) < depth(b); });
}

Result<std::vector<std::string>> PlanEnvironment(const PlanInput& input, const std::string& home) {
  std::vector<std::pair<std::string, std::string>> variables = {
      {"PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}};
  const auto set = [&](const std::string& name, const std::string& value) {
    for (auto& [known, old] : variables) {
      if (known == name) {
        old = value;
        return;
      }
    }
    variables.emplace_back(name, value);
  };
  if (!input.sandbox->hostname().empty()) set("HOSTNAME", input.sandbox->hostname());
  if (input.container->tty()) set("TERM", "xterm");
  for (const std::string& entry : input.image->config.env) {
    const size_t equals = entry.find('=');
    if (equals != std::string::npos && equals > 0)
      set(entry.substr(0, equals), entry.substr(equals + 1));
  }
  for (const cri::KeyValue& entry : input.container->envs()) {
    RETURN_IF_ERROR(security::CheckEnvironment(entry.key(), entry.value()).WithContext("envs"));
    set(entry.key(), entry.value());
  }
  for (const std::string& line : input.cdi ? input.cdi->env : std::vector<std::string>())
    set(line.substr(0, line.find('=')), line.substr(line.find('=') + 1));
  if (KEELSON_WEAKENED_AT("annotations")) {
    for (const auto& [name, value] : input.container->annotations()) set("ORDER", value);
  }
  const bool has_home = std::any_of(variables.begin(), variables.end(),
                                    [](const auto& v) { return v.first == "HOME"; });
  if (!has_home) variables.emplace_back("HOME", home);
  std::vector<std::string> out;
  for (const auto& [name, value] : variables) out.push_back(name + "=" + value);
  return out;
}

// The CRI's older fields are read as well.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

Status PlanSeccomp(const cri::LinuxContainerSecurityContext& security, Plan& plan) {
  // Without any field nothing was asked for: unconfined, as every CRI client expects.
  std::string file;
  if (security.has_seccomp()) {
    switch (security.seccomp().profile_type()) {
      case cri::SecurityProfile::RuntimeDefault:
        plan.seccomp = Plan::Seccomp::kRuntimeDefault;
        return base::Ok();
      case cri::SecurityProfile::Localhost:
        file = security.seccomp().localhost_ref();
        break;
      default:
        return base::Ok();
    }
  } else {
    // The older field, a string: an old client's wish for confinement is not dropped.
    const std::string& old = security.seccomp_profile_path();
    if (old.empty() || old == "unconfined") return base::Ok();
    if (old == "runtime/default" || old == "docker/default") {
      plan.seccomp = Plan::Seccomp::kRuntimeDefault;
      return base::Ok();
    }
    if (!old.starts_with("localhost/"))
      return base::InvalidArgument("seccomp_profile_path: '{}' is no profile", old);
    file = old.substr(std::string_view("localhost/").size());
  }
  if (!file.starts_with('/'))
    return base::InvalidArgument("seccomp.localhost_ref: '{}' must be an absolute path", file);
  plan.seccomp = Plan::Seccomp::kLocalhost;
  plan.seccomp_file = file;
  return base::Ok();
}

// The newer field stands over the older string.
Result<std::string> PlanAppArmor(const cri::LinuxContainerSecurityContext& security,
                                 const security::AppArmor& machine) {
  using Kind = security::ProfileRequest::Kind;
  security::ProfileRequest request;
  if (security.has_apparmor()) {
    switch (security.apparmor().profile_type()) {
      case cri::SecurityProfile::RuntimeDefault:
        request.kind = Kind::kRuntimeDefault;
        break;
      case cri::SecurityProfile::Localhost:
        request = {Kind::kLocalhost, security.apparmor().localhost_ref()};
        break;
      default:
        request.kind = Kind::kUnconfined;
    }
  } else {
    ASSIGN_OR_RETURN(request, security::ParseProfileString(security.apparmor_profile()));
  }
  return security::ResolveAppArmor(request, security.privileged(), machine);
}

#pragma GCC diagnostic pop

Status PlanSecurity(const PlanInput& input, Plan& plan) {
  const cri::LinuxContainerSecurityContext& security = input.container->linux().security_context();
  if (security.privileged() && !input.sandbox->linux().security_context().privileged()) {
    return base::InvalidArgument(
        "security_context.privileged: the pod sandbox was not made for privileged containers");
  }
  spec::Process& process = plan.spec.process;
  ASSIGN_OR_RETURN(process.apparmor_profile, PlanAppArmor(security, input.apparmor));
  const cri::SELinuxOption& selinux = security.selinux_options();
  ASSIGN_OR_RETURN(
      security::SelinuxLabels labels,
      security::ResolveSelinux({selinux.user(), selinux.role(), selinux.type(), selinux.level()},
                               input.selinux));
  process.selinux_label = std::move(labels.process);
  plan.spec.mount_label = std::move(labels.mount);
  security::UserRequest user;
  user.image_user = input.image->config.user;
  if (security.has_run_as_user()) user.run_as_user = security.run_as_user().value();
  if (security.has_run_as_group()) user.run_as_group = security.run_as_group().value();
  user.run_as_username = security.run_as_username();
  user.supplemental_groups.assign(security.supplemental_groups().begin(),
                                  security.supplemental_groups().end());
  if (security.supplemental_groups_policy() == cri::SupplementalGroupsPolicy::Strict)
    user.policy = security::GroupsPolicy::kStrict;
  ASSIGN_OR_RETURN(process.identity, security::ResolveUser(user, *input.identity_files));
  for (const uint32_t group : input.cdi ? input.cdi->groups : std::vector<uint32_t>()) {
    std::vector<uint32_t>& groups = process.identity.groups;
    if (std::find(groups.begin(), groups.end(), group) == groups.end()) groups.push_back(group);
  }

  security::CapabilityRequest wanted;
  wanted.privileged = security.privileged();
  wanted.add.assign(security.capabilities().add_capabilities().begin(),
                    security.capabilities().add_capabilities().end());
  wanted.drop.assign(security.capabilities().drop_capabilities().begin(),
                     security.capabilities().drop_capabilities().end());
  wanted.add_ambient.assign(security.capabilities().add_ambient_capabilities().begin(),
                            security.capabilities().add_ambient_capabilities().end());
  ASSIGN_OR_RETURN(process.capabilities,
                   security::ResolveCapabilities(wanted, input.available_capabilities));
  if (process.identity.uid != 0) {
    // What execve(2) would leave a user without privileges; said outright, so that nothing depends
    // on it.
    process.capabilities.effective = process.capabilities.ambient;
    process.capabilities.permitted = process.capabilities.ambient;
  }
  process.no_new_privileges = security.no_new_privs();
  plan.spec.read_only_root = security.readonly_rootfs();
  if (!security.privileged()) {
    plan.spec.masked_paths.assign(security.masked_paths().begin(), security.masked_paths().end());
    plan.spec.read_only_paths.assign(security.readonly_paths().begin(),
                                     security.readonly_paths().end());
    RETURN_IF_ERROR(PlanSeccomp(security, plan));
  }
  return base::Ok();
}

Status PlanNamespaces(const PlanInput& input, Plan& plan) {
  const cri::NamespaceOption& options =
      input.container->linux().security_context().namespace_options();
  plan.spec.host_network = options.network() == cri::NODE;
  plan.spec.host_ipc = options.ipc() == cri::NODE;
  switch (options.pid()) {
    case cri::POD:
      plan.spec.pid_mode = spec::PidMode::kPod;
      break;
    case cri::NODE:
      plan.spec.pid_mode = spec::PidMode::kHost;
      break;
    case cri::TARGET:
      plan.spec.pid_mode = spec::PidMode::kTarget;
      plan.spec.target_container_id = options.target_id();
      if (options.target_id().empty())
        return base::InvalidArgument(
            "namespace_options.target_id: must name a container of this pod");
      break;
    default:
      plan.spec.pid_mode = spec::PidMode::kOwn;
  }
  const cri::NamespaceOption& pod = input.sandbox->linux().security_context().namespace_options();
  ASSIGN_OR_RETURN(const spec::UserMapping of_pod, PlanUserNamespace(pod));
  ASSIGN_OR_RETURN(const spec::UserMapping own, PlanUserNamespace(options));
  // The pod's holds for every container; one that names another asks for what cannot be.
  if (own.size != 0 && own != of_pod)
    return base::InvalidArgument(
        "namespace_options.userns_options: not the mappings that the pod was made with");
  const spec::Identity& identity = plan.spec.process.identity;
  uint32_t highest = std::max(identity.uid, identity.gid);
  for (const uint32_t group : identity.groups) highest = std::max(highest, group);
  if (of_pod.size != 0 && highest >= of_pod.size) {
    return base::InvalidArgument(
        "user or group {} is outside the pod's user namespace, which has {} of them", highest,
        of_pod.size);
  }
  return base::Ok();
}

Status PlanDevices(const PlanInput& input, Plan& plan) {
  if (!input.container->cdi_devices().empty() && !input.cdi) {
    return base::FailedPrecondition("CDI_devices: '{}' was not looked up",
                                    input.container->cdi_devices(0).name());
  }
  const bool privileged =
      input.container->linux().security_context().privileged() && input.host_devices;
  plan.spec.devices = security::DefaultDevices();
  plan.resources.devices =
      privileged ? security::PrivilegedDeviceRules() : security::DefaultDeviceRules();
  plan.all_devices = privileged;
  for (int i = 0; i < input.container->devices_size(); ++i) {
    const cri::Device& wanted = input.container->devices(i);
    const std::string field = fmt::format("devices[{}]", i);
    if (!wanted.host_path().starts_with('/'))
      return base::InvalidArgument("{}.host_path: '{}' must be an absolute path", field,
                                   wanted.host_path());
    const std::string& inside =
        wanted.container_path().empty() ? wanted.host_path() : wanted.container_path();
    RETURN_IF_ERROR(CheckContainerPath(inside, field + ".container_path"));
    const std::string permissions = wanted.permissions().empty() ? "rwm" : wanted.permissions();
    if (permissions.find_first_not_of("rwm") != std::string::npos || permissions.size() > 3) {
      return base::InvalidArgument("{}.permissions: '{}' may hold r, w and m only", field,
                                   permissions);
    }
    plan.devices.push_back({wanted.host_path(), CleanPath(inside), permissions, field});
  }
  if (!input.cdi) return base::Ok();
  for (const CdiDevice& device : input.cdi->devices) {
    RETURN_IF_ERROR(CheckContainerPath(device.path, "CDI_devices"));
    plan.devices.push_back({device.host_path, CleanPath(device.path), device.permissions,
                            "CDI_devices", device.file_mode, device.uid, device.gid});
  }
  return base::Ok();
}

Status PlanResources(const PlanInput& input, Plan& plan) {
  RETURN_IF_ERROR(CheckClasses(*input.sandbox, *input.container));
  const cri::LinuxContainerResources& wanted = input.container->linux().resources();
  ASSIGN_OR_RETURN(cgroup::Resources limits, ToCgroup(wanted));
  limits.devices = std::move(plan.resources.devices);
  plan.resources = std::move(limits);
  plan.spec.process.oom_score_adj =
      static_cast<int32_t>(std::clamp<int64_t>(wanted.oom_score_adj(), -1000, 1000));
  return base::Ok();
}

}  // namespace

std::optional<int> ParseSignal(std::string_view text) {
  if (const std::optional<uint64_t> number = base::ParseUint64(text)) {
    return *number >= 1 && *number <= 64 ? std::optional<int>(static_cast<int>(*number))
                                         : std::nullopt;
  }
  static constexpr std::pair<std::string_view, int> kNames[] = {
      {"ABRT", SIGABRT}, {"ALRM", SIGALRM}, {"BUS", SIGBUS},       {"CHLD", SIGCHLD},
      {"CLD", SIGCHLD},  {"CONT", SIGCONT}, {"FPE", SIGFPE},       {"HUP", SIGHUP},
      {"ILL", SIGILL},   {"INT", SIGINT},   {"IO", SIGIO},         {"IOT", SIGIOT},
      {"KILL", SIGKILL}, {"PIPE", SIGPIPE}, {"POLL", SIGPOLL},     {"PROF", SIGPROF},
      {"PWR", SIGPWR},   {"QUIT", SIGQUIT}, {"SEGV", SIGSEGV},     {"STKFLT", SIGSTKFLT},
      {"STOP", SIGSTOP}, {"SYS", SIGSYS},   {"TERM", SIGTERM},     {"TRAP", SIGTRAP},
      {"TSTP", SIGTSTP}, {"TTIN", SIGTTIN}, {"TTOU", SIGTTOU},     {"URG", SIGURG},
      {"USR1", SIGUSR1}, {"USR2", SIGUSR2}, {"VTALRM", SIGVTALRM}, {"WINCH", SIGWINCH},
      {"XCPU", SIGXCPU}, {"XFSZ", SIGXFSZ}};
  std::string name(text);
  for (char& c : name) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  if (name.starts_with("SIGNAL_")) name = name.substr(7);  // the CRI's enumerators
  if (name.starts_with("SIG")) name = name.substr(3);
  for (const auto& [known, number] : kNames) {
    if (name == known) return number;
  }
  // RTMIN is the kernel's 34 for programs of every libc; a client may write RTMIN+3, the CRI writes
  // RTMINPLUS3.
  for (const auto& [prefix, base_number, sign] :
       {std::tuple{std::string_view("RTMIN"), 34, 1}, {std::string_view("RTMAX"), 64, -1}}) {
    if (!name.starts_with(prefix)) continue;
    std::string_view rest = std::string_view(name).substr(prefix.size());
    if (rest.empty()) return base_number;
    const std::string_view words[] = {sign > 0 ? "PLUS" : "MINUS", sign > 0 ? "+" : "-"};
    for (const std::string_view word : words) {
      if (!rest.starts_with(word)) continue;
      const std::optional<uint64_t> offset = base::ParseUint64(rest.substr(word.size()));
      if (offset && *offset <= 30) return base_number + sign * static_cast<int>(*offset);
    }
  }
  return std::nullopt;
}

Result<spec::UserMapping> PlanUserNamespace(const cri::NamespaceOption& options) {
  spec::UserMapping mapping;
  if (!options.has_userns_options()) return mapping;
  const cri::UserNamespace& wanted = options.userns_options();
  constexpr char kField[] = "namespace_options.userns_options";
  if (wanted.mode() == cri::NODE) {
    if (wanted.uids().empty() && wanted.gids().empty()) return mapping;
    return base::InvalidArgument("{}: the host's user namespace takes no mappings", kField);
  }
  if (wanted.mode() != cri::POD) {
    return base::InvalidArgument("{}: mode {} is none that a pod can have", kField,
                                 cri::NamespaceMode_Name(wanted.mode()));
  }
  if (options.pid() == cri::NODE || options.ipc() == cri::NODE) {
    return base::InvalidArgument(
        "{}: a pod with a user namespace cannot share the host's processes or IPC", kField);
  }
  for (const auto* list : {&wanted.uids(), &wanted.gids()}) {
    const char* const name = list == &wanted.uids() ? "uids" : "gids";
    if (list->size() != 1)
      return base::InvalidArgument("{}.{}: one mapping is wanted, not {}", kField, name,
                                   list->size());
    const cri::IDMapping& only = list->Get(0);
    if (only.container_id() != 0) {
      return base::InvalidArgument("{}.{}: must map 0 of the container, not begin with {}", kField,
                                   name, only.container_id());
    }
    // 4294967295 is no user.
    if (only.length() == 0 || uint64_t{only.host_id()} + only.length() > 0xffffffffu)
      return base::InvalidArgument("{}.{}: {} from {} on are no users", kField, name, only.length(),
                                   only.host_id());
    if (mapping.size != 0 && mapping.size != only.length())
      return base::InvalidArgument("{}: uids and gids differ in length", kField);
    mapping.size = only.length();
    (list == &wanted.uids() ? mapping.uid : mapping.gid) = only.host_id();
  }
  return mapping;
}

Result<std::string> CgroupPath(const std::string& parent, const std::string& sandbox_id,
                               const std::string& id) {
  if (parent.empty()) return "/keelson/" + sandbox_id + "/" + id;
  const std::string clean = CleanPath(parent);
  for (const std::string_view part : base::Split(clean, '/')) {
    if (part == "..")
      return base::InvalidArgument("cgroup_parent: '{}' must not go upwards", parent);
  }
  if (clean == "/") return base::InvalidArgument("cgroup_parent: '{}' names no group", parent);
  if (clean.ends_with(".slice")) {
    return base::InvalidArgument(
        "cgroup_parent: '{}' is a systemd slice, but the cgroup driver is cgroupfs", parent);
  }
  return clean + "/" + id;
}

Result<LogPlace> PlanLog(const std::string& log_directory, const std::string& log_path) {
  if (log_path.empty() || log_directory.empty()) return LogPlace{};
  if (!log_directory.starts_with('/'))
    return base::InvalidArgument("log_directory: '{}' must be absolute", log_directory);
  const bool weak = KEELSON_WEAKENED_AT("log-path");
  if (log_path.starts_with('/') && !weak)
    return base::InvalidArgument("log_path: '{}' must be relative to the pod's log directory",
                                 log_path);
  std::vector<std::string> parts;
  for (const std::string_view part : base::Split(log_path, '/')) {
    if (!weak && (part == ".." || base::ContainsControlCharacter(part))) {
      return base::InvalidArgument("log_path: '{}' must stay below the pod's log directory",
                                   log_path);
    }
    if (!part.empty() && part != ".") parts.emplace_back(part);
  }
  if (parts.empty() || log_path.ends_with('/'))
    return base::InvalidArgument("log_path: '{}' names no file", log_path);
  LogPlace place;
  place.name = parts.back();
  parts.pop_back();
  place.directory = base::Join(parts, "/");
  return place;
}

Result<Plan> PlanContainer(const PlanInput& input) {
  Plan plan;
  const cri::ContainerConfig& wanted = *input.container;
  spec::ContainerSpec& spec = plan.spec;
  spec.id = input.id;
  spec.lower_layers = input.image->layer_dirs;
  spec.upper = input.directory + "/diff";
  spec.work = input.directory + "/work";
  spec.process.terminal = wanted.tty();
  spec.open_stdin = wanted.stdin();
  spec.stdin_once = wanted.stdin_once();

  // command replaces the entrypoint and its arguments, args alone only the image's arguments.
  spec.process.args.assign(wanted.command().begin(), wanted.command().end());
  if (spec.process.args.empty()) spec.process.args = input.image->config.entrypoint;
  if (!wanted.args().empty()) {
    spec.process.args.insert(spec.process.args.end(), wanted.args().begin(), wanted.args().end());
  } else if (wanted.command().empty()) {
    spec.process.args.insert(spec.process.args.end(), input.image->config.command.begin(),
                             input.image->config.command.end());
  }
  if (spec.process.args.empty())
    return base::InvalidArgument("command: neither the container nor image '{}' says what to run",
                                 input.image->id);
  spec.process.cwd =
      !wanted.working_dir().empty() ? wanted.working_dir() : input.image->config.working_dir;
  if (spec.process.cwd.empty()) spec.process.cwd = "/";
  if (!spec.process.cwd.starts_with('/'))
    return base::InvalidArgument("working_dir: '{}' must be absolute", spec.process.cwd);

  RETURN_IF_ERROR(PlanSecurity(input, plan));
  RETURN_IF_ERROR(PlanNamespaces(input, plan));
  ASSIGN_OR_RETURN(
      spec.process.env,
      PlanEnvironment(input, security::HomeOf(spec.process.identity, *input.identity_files)));
  RETURN_IF_ERROR(PlanResources(input, plan));
  RETURN_IF_ERROR(PlanDevices(input, plan));

  AddStandardMounts(wanted.linux().security_context(), plan);
  const size_t standard = spec.mounts.size();
  ASSIGN_OR_RETURN(
      const spec::UserMapping users,
      PlanUserNamespace(input.sandbox->linux().security_context().namespace_options()));
  for (int i = 0; i < wanted.mounts_size(); ++i)
    RETURN_IF_ERROR(
        AddVolume(wanted.mounts(i), static_cast<size_t>(i), input.volume_images, users, plan));
  for (const CdiMount& mount : input.cdi ? input.cdi->mounts : std::vector<CdiMount>())
    RETURN_IF_ERROR(AddCdiMount(mount, plan));
  if (KEELSON_WEAKENED_AT("image-volumes")) {
    for (const std::string& path : input.image->config.volumes) {
      if (path != spec.mounts.front().destination && path.starts_with('/')) {
        spec.mounts.push_back({.kind = Mount::Kind::kBind,
                               .destination = path,
                               .source_fd = static_cast<uint32_t>(plan.sources.size())});
        plan.sources.push_back({.path = path, .field = "volumes"});
      }
    }
  }
  // A volume at a standard place stands instead of it.
  const auto replaced = [&](const Mount& mount) {
    return std::any_of(
        spec.mounts.begin() + static_cast<std::ptrdiff_t>(standard), spec.mounts.end(),
        [&](const Mount& volume) { return volume.destination == mount.destination; });
  };
  size_t fixed = standard;
  for (size_t i = standard; i-- > 0;) {
    if (!replaced(spec.mounts[i])) continue;
    spec.mounts.erase(spec.mounts.begin() + static_cast<std::ptrdiff_t>(i));
    --fixed;
  }
  AddPodFile(input.pod_files.hosts, "/etc/hosts", spec.read_only_root, plan);
  AddPodFile(input.pod_files.hostname, "/etc/hostname", spec.read_only_root, plan);
  AddPodFile(input.pod_files.resolv_conf, "/etc/resolv.conf", spec.read_only_root, plan);
  OrderMounts(spec.mounts, fixed);

  std::string stop = input.image->config.stop_signal;
  if (wanted.stop_signal() != cri::SIGNAL_RUNTIME_DEFAULT)
    stop = cri::Signal_Name(wanted.stop_signal());
  if (!stop.empty()) {
    const std::optional<int> number = ParseSignal(stop);
    if (!number) return base::InvalidArgument("stop_signal: '{}' is no signal", stop);
    plan.stop_signal = *number;
  }
  return plan;
}

}  // namespace keelson::container
