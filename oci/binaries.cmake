# SPDX-License-Identifier: Apache-2.0
# Static: it is started for every step of a container's life, and half of such a start was the loader's. Sanitizers need their library.
if(KEELSON_INSTRUMENTED)
  set(kind)
else()
  set(kind STATIC)
endif()
keelson_binary(NAME keelson-oci ${kind} SOURCES main.cc DEPS oci_command)
