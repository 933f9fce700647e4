// SPDX-License-Identifier: Apache-2.0
// Fail points: places at which a test has this very process killed with SIGKILL, exactly there.
//   FAIL_POINT("runtime.pod.recorded");   // after the step that its name tells
// In builds with KEELSON_DEBUG a process whose environment has KEELSON_FAIL_POINTS=<id> finds the
// test's table (fail_point_table.h, a System V shared memory segment: it is reached from every
// mount namespace, needs no descriptor, and goes with the test); without the variable a point costs
// one load. In other builds nothing of it is compiled. Any thread, and the small static processes:
// nothing is allocated, errno stays. Names are "<process>.<object>.<step>";
// tests/crash/points.txt lists each, and scripts/check_points.py keeps the list whole.
#pragma once

#ifdef KEELSON_DEBUG
#define FAIL_POINT(name) ::keelson::base::fail_point::Reached(name)
#else
#define FAIL_POINT(name) static_cast<void>(0)
#endif

namespace keelson::base::fail_point {

#ifdef KEELSON_DEBUG
// Counts the hit; does not return when it is the one at which this process is to die.
void Reached(const char* name);
// "KEELSON_FAIL_POINTS=<id>", for who starts a process that takes part; null: there is no test.
const char* Inherited();
#else
constexpr const char* Inherited() { return nullptr; }
#endif

}  // namespace keelson::base::fail_point
