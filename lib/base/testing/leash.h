// SPDX-License-Identifier: Apache-2.0
// For tests that start daemons: what they started ends with them, also when they are killed (by a
// person, or by ctest after its time limit) or fail where nobody cleans up.
#pragma once

namespace keelson::base {

// Before the test has threads and children: it goes on in a process of its own, two above it watch.
// Whichever of the three dies first, the others end all that descends from them, daemons that
// have left their parents too. A program that ends by itself gets its own leftovers named, after
// some seconds in which they may end by themselves. Once a program; with threads, or with
// KEELSON_TEST_LEASH=off in its environment (for a debugger), nothing is done.
void LeashDescendants();

}  // namespace keelson::base
