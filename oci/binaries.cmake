# SPDX-License-Identifier: Apache-2.0
keelson_binary(NAME keelson-oci SOURCES main.cc DEPS oci_command)
