# SPDX-License-Identifier: Apache-2.0
"""What crun's tests ask of libmount's Python module, which Debian 12 has not: the entries of a file like /proc/self/mountinfo."""
import collections

Entry = collections.namedtuple("Entry", "target vfs_options fs_options")


class Table:
    def __init__(self, path):
        self.entries = []
        with open(path) as lines:
            for line in lines:
                mount, dash, filesystem = line.rstrip("\n").partition(" - ")
                if dash:
                    fields = mount.split(" ")
                    self.entries.append(Entry(fields[4].encode().decode("unicode_escape"), fields[5], filesystem.split(" ")[2]))

    def find_target(self, path):
        """The mount that was made last there, which is the one that is seen."""
        return next((entry for entry in reversed(self.entries) if entry.target == path), None)
