// SPDX-License-Identifier: Apache-2.0
// What a node without containers shows: sessions are plain processes of this machine, forwarded
// ports are the machine's own, every container has a log. Thread-safe.
#pragma once

#include <fcntl.h>
#include <fmt/format.h>

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "kubelet/node_api/cri_figures.h"
#include "kubelet/node_api/streams.h"
#include "kubelet/server/node_view.h"
#include "lib/os/files.h"
#include "lib/os/temp_dir.h"
#include "runtime/stream/server.h"
#include "tests/stream/process_backend.h"

namespace keelson::master_test {

class ProcessStreams final : public node_api::Streams {
 public:
  base::Status Start(const std::string& program) {
    stream::ServerOptions options;
    options.program = program;
    ASSIGN_OR_RETURN(server_, stream::StreamServer::Create(options, backend_));
    return base::Ok();
  }
  base::Result<std::string> Exec(const node_api::PodRef&, const std::string&,
                                 const std::vector<std::string>& command,
                                 const node_api::Wanted& wanted) override {
    stream::ProcessRequest process = Request(wanted);
    process.command = command;
    return server_->Exec(process);
  }
  base::Result<std::string> Attach(const node_api::PodRef&, const std::string&,
                                   const node_api::Wanted& wanted) override {
    return server_->Attach(Request(wanted));
  }
  base::Result<std::string> PortForward(const node_api::PodRef&,
                                        const std::vector<int32_t>& ports) override {
    return server_->PortForward("sandbox", {ports.begin(), ports.end()});
  }
  base::Result<std::string> Run(const node_api::PodRef&, const std::string&,
                                const std::vector<std::string>&) override {
    return base::Unimplemented("there is no container");
  }
  base::Result<std::string> Checkpoint(const node_api::PodRef&, const std::string&,
                                       const std::string&, std::chrono::seconds) override {
    return base::Unimplemented("there is no container");
  }

 private:
  static stream::ProcessRequest Request(const node_api::Wanted& wanted) {
    stream::ProcessRequest process;
    // Of attach: what stands for the container's own process.
    process.container_id = "echo attached; cat";
    process.in = wanted.in;
    process.out = wanted.out;
    process.err = wanted.err;
    process.tty = wanted.tty;
    return process;
  }

  stream_test::ProcessBackend backend_;
  std::unique_ptr<stream::StreamServer> server_;
};

// A log grows by a line whenever its container is looked at; at the sixth look the container has
// ended, so that whoever follows comes to an end.
class LogsOnly final : public server::NodeView {
 public:
  std::string Pods() const override { return R"({"kind":"PodList","apiVersion":"v1"})"; }
  std::string RunningPods() const override { return Pods(); }
  std::string Configuration() const override { return R"({"kubeletconfig":{}})"; }
  std::string Unhealthy() const override { return ""; }
  base::Result<std::string> Explain(const std::string&, const std::string& pod) const override {
    return base::NotFound("pod \"{}\" does not exist", pod);
  }
  base::Result<LogFile> Log(const std::string& name_space, const std::string& pod,
                            const std::string& container, bool previous) const override {
    if (previous)
      return base::InvalidArgument("previous terminated container \"{}\" in pod \"{}\" not found",
                                   container, pod);
    const std::lock_guard lock(mutex_);
    const std::string folder = fmt::format("{}/{}_{}/{}", dir_.path(), name_space, pod, container);
    int& looks = looks_[folder];
    const std::string path = folder + "/0.log";
    std::string text;
    if (looks == 0) {
      RETURN_IF_ERROR(os::MakeDirs(folder, 0755));
      text = Line(fmt::format("log of {}/{}/{}", name_space, pod, container));
    }
    text += Line(fmt::format("look {}", ++looks));
    ASSIGN_OR_RETURN(const os::UniqueFd file, os::Open(path, O_WRONLY | O_CREAT | O_APPEND, 0644));
    RETURN_IF_ERROR(os::WriteAll(file.get(), text));
    return LogFile{path, looks < 6};
  }

 private:
  static std::string Line(const std::string& text) {
    return "2026-01-01T00:00:00.5Z stdout F " + text + "\n";
  }

  const os::TempDir dir_ = os::TempDir::Create("keelson-node").value();
  mutable std::mutex mutex_;
  mutable std::map<std::string, int> looks_;  // guarded by mutex_
};

// The machine's.
class MachineOnly final : public node_api::FiguresView {
 public:
  MachineOnly(std::string node, const base::Clock& clock) : node_(std::move(node)), clock_(clock) {}
  base::Result<node_api::Figures> Read() override {
    ASSIGN_OR_RETURN(const std::string stat, os::ReadFile("/proc/stat"));
    ASSIGN_OR_RETURN(const std::string meminfo, os::ReadFile("/proc/meminfo"));
    return node_api::Figures{
        node_, node_api::MachineFigures(stat, meminfo, 100, clock_.WallNanos()), {}};
  }

 private:
  const std::string node_;
  const base::Clock& clock_;
};

}  // namespace keelson::master_test
