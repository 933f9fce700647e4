# SPDX-License-Identifier: Apache-2.0
keelson_binary(NAME keelson SOURCES main.cc DEPS cli)
