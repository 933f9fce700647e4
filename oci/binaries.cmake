# SPDX-License-Identifier: Apache-2.0
# It is started for every step of a container's life, and half of such a start was the loader's.
keelson_binary(NAME keelson-oci ARCHIVES SOURCES main.cc DEPS oci_command)
