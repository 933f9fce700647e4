// SPDX-License-Identifier: Apache-2.0
// The backend over iptables: pieces of all services, an Applier, and datagram flows that went by
// rules which are no more. A service whose rules are refused is left out, the others are applied.
#pragma once

#include <set>

#include "proxy/apply/iptables/applier.h"
#include "proxy/apply/writer.h"

namespace keelson::proxy::iptables {

class IptablesWriter final : public Writer {
 public:
  IptablesWriter(xtables::Flavour flavour, Options options)
      : flavour_(flavour), options_(options), applier_(std::move(flavour), std::move(options)) {}
  Family family() const override { return options_.family; }
  base::Status Write(std::vector<ServicePlan> changed) override;
  base::Result<bool> Intact() override;
  std::map<std::string, std::string> Refused() const override;
  Figures figures() const override;
  base::Status Remove() override { return applier_.Remove(); }

 private:
  struct Refusal {
    Piece piece;
    std::string why;
  };
  base::Status Sync();
  void Count(const Piece& piece, int64_t sign);
  // Moves services whose rules are refused aside; whether there are any.
  bool LeaveOut();

  const xtables::Flavour flavour_;
  const Options options_;
  Applier applier_;
  Pieces pieces_;
  std::map<std::string, Refusal> refused_;    // not among pieces_
  int64_t nat_rules_ = 0, filter_rules_ = 0;  // of pieces_
  uint64_t flow_looks_ = 0, flows_forgotten_ = 0;
  double flow_seconds_ = 0;
  Pieces unwritten_;                 // as the kernel has them; empty ones: it has none
  std::vector<PortPlan> unflushed_;  // whose flows are to be looked at
};

}  // namespace keelson::proxy::iptables
