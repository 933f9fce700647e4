// SPDX-License-Identifier: Apache-2.0
// A shortened filter against the one that it came from, by an interpreter: every number near one
// that either compares with, every architecture, random arguments and those near what is compared.
#include "lib/kernel/seccomp/shorten.h"

#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>

#include <cstring>
#include <memory>
#include <random>
#include <set>

namespace keelson::seccomp {
namespace {

using Program = std::vector<sock_filter>;

uint32_t Answer(const Program& program, const seccomp_data& data) {
  uint32_t a = 0;
  for (size_t at = 0; at < program.size(); ++at) {
    const sock_filter& i = program[at];
    switch (i.code) {
      case BPF_LD | BPF_W | BPF_ABS:
        memcpy(&a, reinterpret_cast<const char*>(&data) + i.k, 4);
        break;
      case BPF_RET | BPF_K:
        return i.k;
      case BPF_ALU | BPF_AND | BPF_K:
        a &= i.k;
        break;
      case BPF_JMP | BPF_JA:
        at += i.k;
        break;
      case BPF_JMP | BPF_JEQ | BPF_K:
        at += a == i.k ? i.jt : i.jf;
        break;
      case BPF_JMP | BPF_JGT | BPF_K:
        at += a > i.k ? i.jt : i.jf;
        break;
      case BPF_JMP | BPF_JGE | BPF_K:
        at += a >= i.k ? i.jt : i.jf;
        break;
      case BPF_JMP | BPF_JSET | BPF_K:
        at += (a & i.k) != 0 ? i.jt : i.jf;
        break;
      default:
        ADD_FAILURE() << "instruction " << i.code;
        return 0;
    }
  }
  ADD_FAILURE() << "ran off the end";
  return 0;
}

void ExpectEqual(const Program& given, const Program& made) {
  std::set<uint32_t> values = {0, 1, 1u << 30, 0x7fffffff, 1u << 31, ~0u};
  for (const Program* program : {&given, &made}) {
    for (const sock_filter& i : *program) {
      for (const uint32_t near : {i.k - 1, i.k, i.k + 1}) values.insert(near);
    }
  }
  for (uint32_t number = 0; number < 600; ++number) {
    values.insert(number);
    values.insert(0x40000000 + number);
  }
  const std::vector<uint32_t> all(values.begin(), values.end());
  std::mt19937 random(1);
  const auto word = [&] {
    const uint32_t bits = static_cast<uint32_t>(random());
    return random() % 2 == 0 ? bits : all[random() % all.size()];
  };
  std::set<uint32_t> architectures = {AUDIT_ARCH_X86_64, AUDIT_ARCH_I386, AUDIT_ARCH_AARCH64, 0,
                                      ~0u};
  for (const uint32_t architecture : architectures) {
    for (const uint32_t number : all) {
      for (int round = 0; round < 24; ++round) {
        seccomp_data data{};
        data.arch = architecture;
        data.nr = static_cast<int>(number);
        for (auto& argument : data.args)
          argument = round == 0 ? 0 : uint64_t{round % 2 == 0 ? 0 : word()} << 32 | word();
        ASSERT_EQ(Answer(given, data), Answer(made, data))
            << architecture << " " << number << " " << data.args[0];
      }
    }
  }
}

Program Libseccomp(int rules, bool tree) {
  const std::unique_ptr<void, void (*)(void*)> context(seccomp_init(SCMP_ACT_ERRNO(1)),
                                                       seccomp_release);
  for (const uint32_t architecture :
       {uint32_t{SCMP_ARCH_X86_64}, uint32_t{SCMP_ARCH_X86}, uint32_t{SCMP_ARCH_X32}})
    (void)seccomp_arch_add(context.get(), architecture);
  std::mt19937 random(static_cast<unsigned>(rules));
  for (int i = 0; i < rules; ++i) {
    const int number = static_cast<int>(random() % 440);
    const uint32_t action = random() % 5 == 0 ? SCMP_ACT_ERRNO(38) : SCMP_ACT_ALLOW;
    const auto value = static_cast<scmp_datum_t>(random() % 3 == 0 ? 0x7E020000 : random() % 64);
    const unsigned which = random() % 3;
    scmp_arg_cmp one = SCMP_A0(SCMP_CMP_MASKED_EQ, value, 0), two = SCMP_A1(SCMP_CMP_LT, value);
    if (random() % 6 == 0) one = SCMP_A2(SCMP_CMP_NE, value << 33 | 5);
    if (which == 0) (void)seccomp_rule_add(context.get(), action, number, 1, one);
    if (which == 1 && i % 4 == 0)
      (void)seccomp_rule_add(context.get(), action, number, 2, one, two);
    if (which == 2) (void)seccomp_rule_add(context.get(), action, number, 0);
  }
  if (tree) (void)seccomp_attr_set(context.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2);
  FILE* file = std::tmpfile();
  EXPECT_EQ(seccomp_export_bpf(context.get(), fileno(file)), 0);
  std::rewind(file);
  Program program;
  for (sock_filter i; std::fread(&i, sizeof i, 1, file) == 1;) program.push_back(i);
  std::fclose(file);
  return program;
}

TEST(SeccompShorten, AnswersAsBeforeInFewerInstructions) {
  for (const int rules : {3, 40, 300, 900}) {
    for (const bool tree : {true, false}) {
      SCOPED_TRACE(rules);
      const Program given = Libseccomp(rules, tree);
      const Program made = Shorten(given);
      EXPECT_LE(made.size(), given.size());
      ExpectEqual(given, made);
    }
  }
}

TEST(SeccompShorten, WhatItDoesNotUnderstandItLeavesAlone) {
  const uint32_t nr = 0, arch = 4;
  const sock_filter load_nr = BPF_STMT(BPF_LD | BPF_W | BPF_ABS, nr),
                    load_arch = BPF_STMT(BPF_LD | BPF_W | BPF_ABS, arch),
                    allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
                    kill = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL);
  const Program programs[] = {
      {},
      {load_nr},  // runs off its end
      {load_nr, BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 1),
       BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 1), allow, kill},
      {load_nr, BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 1, 0, 1), allow, kill},
      {load_arch, BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 1, 0, 1), allow, kill},
      {load_nr, BPF_STMT(BPF_ST, 0), allow},
      {BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 1), allow, kill},
  };
  for (const Program& program : programs) {
    const Program made = Shorten(program);
    ASSERT_EQ(made.size(), program.size());
    EXPECT_TRUE(program.empty() ||
                memcmp(made.data(), program.data(), program.size() * sizeof(sock_filter)) == 0);
  }
}

}  // namespace
}  // namespace keelson::seccomp
