// SPDX-License-Identifier: Apache-2.0
#include "runtime/config/config.h"

#include <algorithm>

#include "lib/base/strings.h"

namespace keelson::runtime_config {
namespace {

using json::Value;

Setting Text(std::string name, std::string help, std::string Config::* member) {
  return {std::move(name),
          std::move(help),
          [member](const Value& value, Config& config) -> base::Status {
            if (!value.IsString()) return base::InvalidArgument("expected a string");
            config.*member = value.AsString();
            return {};
          },
          [member](const Config& config) { return Value(config.*member); },
          false,
          [](std::string_view text) -> base::Result<Value> { return Value(text); }};
}

Setting Switch(std::string name, std::string help, bool Config::* member) {
  return {std::move(name),
          std::move(help),
          [member](const Value& value, Config& config) -> base::Status {
            if (!value.IsBool()) return base::InvalidArgument("expected true or false");
            config.*member = value.AsBool();
            return {};
          },
          [member](const Config& config) { return Value(config.*member); },
          true,
          [](std::string_view text) -> base::Result<Value> { return json::ParseYaml(text); }};
}

Setting Port(std::string name, std::string help, int Config::* member) {
  return {std::move(name),
          std::move(help),
          [member](const Value& value, Config& config) -> base::Status {
            if (!value.IsInt() || value.AsInt() < 0 || value.AsInt() > 65535)
              return base::InvalidArgument("expected a port, 0 to 65535");
            config.*member = static_cast<int>(value.AsInt());
            return {};
          },
          [member](const Config& config) { return Value(int64_t{config.*member}); },
          false,
          [](std::string_view text) -> base::Result<Value> { return json::ParseYaml(text); }};
}

Setting Bytes(std::string name, std::string help, int64_t Config::* member) {
  return {std::move(name),
          std::move(help),
          [member](const Value& value, Config& config) -> base::Status {
            if (!value.IsInt() || value.AsInt() < 0)
              return base::InvalidArgument("expected a number of bytes");
            config.*member = value.AsInt();
            return {};
          },
          [member](const Config& config) { return Value(config.*member); },
          false,
          [](std::string_view text) -> base::Result<Value> { return json::ParseYaml(text); }};
}

// A place on this machine; empty where `may_be_empty`: it follows another setting.
Setting Place(std::string name, std::string help, std::string Config::* member,
              bool may_be_empty = false) {
  Setting setting = Text(std::move(name), std::move(help), member);
  setting.read = [member, may_be_empty](const Value& value, Config& config) -> base::Status {
    if (!value.IsString()) return base::InvalidArgument("expected a string");
    const std::string& path = value.AsString();
    if (!path.starts_with('/') && !(may_be_empty && path.empty())) {
      return base::InvalidArgument("'{}' is not an absolute path", path);
    }
    config.*member = path;
    return {};
  };
  return setting;
}

Setting Choice(std::string name, std::string help, std::string Config::* member,
               std::vector<std::string> choices) {
  Setting setting = Text(std::move(name), std::move(help), member);
  setting.read = [member, choices = std::move(choices)](const Value& value,
                                                        Config& config) -> base::Status {
    if (!value.IsString() || std::ranges::find(choices, value.AsString()) == choices.end()) {
      return base::InvalidArgument("expected one of: {}", base::Join(choices, ", "));
    }
    config.*member = value.AsString();
    return {};
  };
  return setting;
}

const Setting* Find(std::string_view name) {
  for (const Setting& setting : Settings()) {
    if (setting.name == name) return &setting;
  }
  return nullptr;
}

base::Error BadLine(const Value& value, const std::string& message) {
  return base::InvalidArgument("line {}: {}", value.line(), message);
}

bool IsHandlerName(const std::string& name) {
  return !name.empty() && name.size() <= 63 && name.front() != '-' && name.front() != '.' &&
         std::ranges::all_of(name, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
         });
}

base::Result<Handler> ReadHandler(const Value& item) {
  if (!item.IsObject()) return BadLine(item, "expected a handler such as '- name: crun'");
  Handler handler;
  for (const auto& [key, value] : item.members()) {
    if (key == "name" && value.IsString()) {
      handler.name = value.AsString();
      if (!IsHandlerName(handler.name))
        return BadLine(value, fmt::format("name: '{}' is no RuntimeClass handler's name: lower "
                                          "case letters, digits, '-' and '.'",
                                          handler.name));
      if (handler.name == "keelson")
        return BadLine(value, "name: 'keelson' is the built-in handler's");
    } else if (key == "runtime" && value.IsString()) {
      handler.runtime = value.AsString();
      if (!handler.runtime.starts_with('/'))
        return BadLine(value,
                       fmt::format("runtime: '{}' is not an absolute path", handler.runtime));
    } else if (key == "annotations" && value.IsArray()) {
      for (const Value& pattern : value.items()) {
        if (!pattern.IsString() || pattern.AsString().empty())
          return BadLine(pattern, "annotations: expected names such as 'run.oci.*'");
        handler.annotations.push_back(pattern.AsString());
      }
    } else if (key == "arguments" && value.IsArray()) {
      for (const Value& argument : value.items()) {
        if (!argument.IsString() || argument.AsString().empty())
          return BadLine(argument, "arguments: expected words such as '--network=host'");
        handler.arguments.push_back(argument.AsString());
      }
    } else if (key == "privileged-without-host-devices" && value.IsBool()) {
      handler.privileged_without_host_devices = value.AsBool();
    } else if (key == "name" || key == "runtime") {
      return BadLine(value, key + ": expected a string");
    } else if (key == "annotations") {
      return BadLine(value, "annotations: expected a list of names");
    } else if (key == "arguments") {
      return BadLine(value, "arguments: expected a list of words");
    } else if (key == "privileged-without-host-devices") {
      return BadLine(value, key + ": expected true or false");
    } else {
      return BadLine(value, fmt::format("a handler has no '{}'; it has name, runtime, arguments, "
                                        "annotations and privileged-without-host-devices",
                                        key));
    }
  }
  if (handler.name.empty()) return BadLine(item, "a handler must have a name");
  if (handler.runtime.empty() && !handler.arguments.empty())
    return BadLine(
        item, fmt::format("arguments: handler '{}' has no runtime to pass them to", handler.name));
  if (handler.runtime.empty() && !handler.annotations.empty())
    return BadLine(item, fmt::format("annotations: handler '{}' has no runtime to pass them to",
                                     handler.name));
  return handler;
}

Setting Names(std::string name, std::string help, std::vector<std::string> Config::* member) {
  return {std::move(name),
          std::move(help),
          [member](const Value& value, Config& config) -> base::Status {
            if (!value.IsArray() && !value.IsNull())
              return base::InvalidArgument("expected a list of names");
            std::vector<std::string> names;
            for (const Value& item : value.items()) {
              if (!item.IsString() || item.AsString().empty())
                return BadLine(item, "expected a name");
              names.push_back(item.AsString());
            }
            config.*member = std::move(names);
            return {};
          },
          [member](const Config& config) {
            Value list = Value::Array();
            for (const std::string& item : config.*member) list.Append(Value(item));
            return list;
          },
          false,
          [](std::string_view text) { return json::ParseYaml(text); }};
}

Setting HandlerList(std::string name, std::string help) {
  return {std::move(name),
          std::move(help),
          [](const Value& value, Config& config) -> base::Status {
            if (!value.IsArray() && !value.IsNull())
              return base::InvalidArgument("expected a list of handlers");
            std::vector<Handler> handlers;
            for (const Value& item : value.items()) {
              ASSIGN_OR_RETURN(Handler handler, ReadHandler(item));
              if (std::ranges::any_of(handlers, [&handler](const Handler& other) {
                    return other.name == handler.name;
                  }))
                return BadLine(item, fmt::format("handler '{}' is there twice", handler.name));
              handlers.push_back(std::move(handler));
            }
            config.handlers = std::move(handlers);
            return {};
          },
          [](const Config& config) {
            Value list = Value::Array();
            for (const Handler& handler : config.handlers) {
              Value item = Value::Object();
              item.Set("name", Value(handler.name));
              if (!handler.runtime.empty()) item.Set("runtime", Value(handler.runtime));
              if (!handler.arguments.empty()) {
                Value arguments = Value::Array();
                for (const std::string& argument : handler.arguments)
                  arguments.Append(Value(argument));
                item.Set("arguments", std::move(arguments));
              }
              if (!handler.annotations.empty()) {
                Value patterns = Value::Array();
                for (const std::string& pattern : handler.annotations)
                  patterns.Append(Value(pattern));
                item.Set("annotations", std::move(patterns));
              }
              if (handler.privileged_without_host_devices)
                item.Set("privileged-without-host-devices", Value(true));
              list.Append(std::move(item));
            }
            return list;
          },
          false,
          [](std::string_view text) -> base::Result<Value> { return json::ParseYaml(text); }};
}

}  // namespace

const std::vector<Setting>& Settings() {
  static const std::vector<Setting> kSettings = {
      Place("state-dir", "What survives a reboot: images, containers, records.",
            &Config::state_dir),
      Place("run-dir", "What does not, on tmpfs: sockets, namespaces, exit records.",
            &Config::run_dir),
      Place("config-dir", "Where registries/<host>/hosts.toml and, unless named, this file are.",
            &Config::config_dir),
      Place("socket", "The CRI's socket; empty: cri.sock in the run directory.", &Config::socket,
            true),
      Place("binary-dir", "Where the helper programs are; empty: beside this one.",
            &Config::binary_dir, true),
      Choice("network",
             "Who makes the pods' network: builtin (a bridge of this node) or cni (plugins). Pods "
             "that are there stay with the network that made them.",
             &Config::network, {"builtin", "cni"}),
      Place("cni-conf-dir", "CNI configurations; the first usable one by name counts.",
            &Config::cni_conf_dir),
      Text("cni-bin-dirs", "Where CNI plugins are looked for, separated by colons.",
           &Config::cni_bin_dirs),
      Text("bridge", "The pods' bridge.", &Config::bridge),
      Text("pod-subnet",
           "This node's pods; of both address families with a comma, the first is the primary. "
           "Empty: as the cluster gives it to the node and the kubelet tells it.",
           &Config::pod_subnet),
      Text("pod-network", "All pods of the cluster; what leaves it is masqueraded.",
           &Config::pod_network),
      Choice(
          "cgroup-driver",
          "Who makes the pods' cgroups: cgroupfs (this daemon) or systemd (one scope a pod; where "
          "systemd is process 1, on cgroup v2). The kubelet's must be the same.",
          &Config::cgroup_driver, {"cgroupfs", "systemd"}),
      Place("seccomp-root",
            "Localhost seccomp profiles: the kubelet's root directory and /seccomp.",
            &Config::seccomp_root),
      Choice("log-level", "How much is told: debug, info, warn or error.", &Config::log_level,
             {"debug", "info", "warn", "error"}),
      Bytes("log-rate",
            "How many bytes of output a second each container's log takes, a second's worth at "
            "once; 0: as many as there are.",
            &Config::log_rate),
      Choice("log-rate-policy",
             "What becomes of more: wait (the program is held up) or drop (it is lost, and a line "
             "in the log says how much).",
             &Config::log_rate_policy, {"wait", "drop"}),
      Switch("log-rate-by-annotation",
             "Whether pods may have their own by the annotations keelson.io/log-rate and "
             "keelson.io/log-rate-policy.",
             &Config::log_rate_by_annotation),
      Text("metrics",
           "Where Prometheus reads /metrics, such as 127.0.0.1:10258 or a socket's path; empty: "
           "nowhere.",
           &Config::metrics),
      Place("crio-socket",
            "Where the runtime looks like CRI-O to cAdvisor, /var/run/crio/crio.sock: an upstream "
            "kubelet's metrics then carry pod and container; empty: nowhere.",
            &Config::crio_socket, true),
      Text("stream-address",
           "The address of this machine at which exec, attach and port-forward are served; the "
           "kubelet passes its clients on to it.",
           &Config::stream_address),
      Port("stream-port", "Its port; 0: any that is free.", &Config::stream_port),
      Place("stream-certificate", "PEM; with it and its key streams are https; empty: http.",
            &Config::stream_certificate, true),
      Place("stream-key", "PEM.", &Config::stream_key, true),
      HandlerList("handlers",
                  "What RuntimeClasses may name beside 'keelson': each has a name, the path of an "
                  "OCI runtime's program ('runtime', such as /usr/bin/crun; absent: native), "
                  "'arguments' of it such as [--network=host], the names of pods' annotations that "
                  "may pass to it, and "
                  "'privileged-without-host-devices'."),
      Names("pinned-images",
            "Images that kubelets are told to keep when they make room, by name and tag or digest, "
            "such as [registry.example/base:1].",
            &Config::pinned_images),
      Switch("trace", "Tell after each operation on pods how long each of its stages took.",
             &Config::trace),
  };
  return kSettings;
}

base::Result<Effective> Resolve(const std::string& file, std::string_view text,
                                const Flags& flags) {
  Effective effective;
  Value document = Value::Object();
  // A file of comments alone is a file, though not a document.
  const bool blank = std::ranges::all_of(base::Split(text, '\n'), [](const std::string_view line) {
    const std::string_view words = base::Trim(line);
    return words.empty() || words.starts_with('#');
  });
  if (!blank) {
    base::Result<Value> parsed = json::ParseYaml(text);
    if (!parsed.ok()) return base::InvalidArgument("{}: {}", file, parsed.error().message());
    document = std::move(*parsed);
  }
  if (!document.IsObject()) {
    return base::InvalidArgument("{}: expected settings such as 'log-level: info'", file);
  }
  for (const auto& [name, value] : document.members()) {
    const std::string place = file + ":" + std::to_string(value.line());
    const Setting* const setting = Find(name);
    if (setting == nullptr) {
      return base::InvalidArgument(
          "{}: there is no setting '{}'; `keelson-runtime config` prints them all", place, name);
    }
    const base::Status read = setting->read(value, effective.config);
    if (!read.ok()) {
      // A list's own line is nearer than that of its name.
      const std::string& message = read.error().message();
      const size_t colon = message.starts_with("line ") ? message.find(": ") : std::string::npos;
      if (colon == std::string::npos)
        return base::InvalidArgument("{}: {}: {}", place, name, message);
      return base::InvalidArgument("{}:{}: {}: {}", file, message.substr(5, colon - 5), name,
                                   message.substr(colon + 2));
    }
    effective.origins[name] = place;
  }
  for (const auto& [name, words] : flags) {
    const Setting* const setting = Find(name);
    if (setting == nullptr) return base::InvalidArgument("there is no flag --{}", name);
    const base::Result<Value> value = setting->from_flag(words);
    const base::Status read =
        value.ok() ? setting->read(*value, effective.config) : base::Status(value.error());
    if (!read.ok()) return base::InvalidArgument("--{}: {}", name, read.error().message());
    effective.origins[name] = "--" + name;
  }
  return effective;
}

std::string Explain(const Effective& effective) {
  const Config defaults;
  std::string text;
  for (const Setting& setting : Settings()) {
    Value line = Value::Object();
    line.Set(setting.name, setting.show(effective.config));
    const auto origin = effective.origins.find(setting.name);
    text += "# " + setting.help +
            "\n# From: " + (origin == effective.origins.end() ? "default" : origin->second);
    if (const Value usual = setting.show(defaults); usual != setting.show(effective.config)) {
      text += "; default: " + json::WriteJson(usual);
    }
    text += "\n" + json::WriteYaml(line) + "\n";
  }
  return text;
}

}  // namespace keelson::runtime_config
