// SPDX-License-Identifier: Apache-2.0
// From what was asked for and what is there to what is to be: why it cannot be, or the folders,
// files and processes of the node. Pure.
#pragma once

#include <string>
#include <vector>

#include "cli/cluster/options.h"
#include "supervise/protocol/protocol.h"

namespace keelson::cluster {

struct Facts {
  struct Port {
    int number = 0;
    std::string what;  // of ours that wants it
  };
  std::vector<Port> taken;  // by others
  struct Route {
    std::string block, link;
  };
  // Of the machine, without the default one and those of a node's proxy that ran here.
  std::vector<Route> routes;
  std::vector<std::string> missing_programs;  // whole paths
  std::string other_node;                     // the name of the one that has these folders
};

struct Folder {
  std::string path;
  int mode = 0755;
};
struct File {
  std::string path, text;
  int mode = 0600;
};
struct Plan {
  std::vector<std::string> refusals;  // sentences; nothing may be done when there are any
  std::vector<Folder> folders;
  std::vector<File> files;
  supervise::Layout first;  // what needs no identity of the node
  supervise::Layout whole;
};
Plan MakePlan(const NodeOptions& options, const Facts& facts);

// What the runtime is told of the node's places, also to clean them up.
std::vector<std::string> RuntimeWords(const NodeOptions& options);

// Which of our processes listen where, for the look at who has those ports.
std::vector<Facts::Port> PortsOf(const NodeOptions& options);
// All that a node's work takes.
std::vector<std::string> ProgramsOf(const NodeOptions& options);

// "10.42.0.0/16" and "10.42.7.0/24" do; IPv4. False for what is no block.
bool Overlap(const std::string& a, const std::string& b);
bool IsBlock(const std::string& text);

}  // namespace keelson::cluster
