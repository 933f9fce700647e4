# SPDX-License-Identifier: Apache-2.0
keelson_binary(NAME keelson-runtime SOURCES main.cc DEPS lib_http_server lib_log runtime_cni runtime_config runtime_cri runtime_metrics runtime_image runtime_inventory runtime_network runtime_monitor_client runtime_pod_group runtime_stream)
add_dependencies(keelson-runtime keelson-anchor keelson-volume keelson-namespaces keelson-hold keelson-monitor keelson-log keelson-init keelson-unpack keelson-read keelson-fetch keelson-stream)
# What a node pays for with every page that a library touches: the daemon speaks to no registry, and to systemd only where asked to.
add_test(NAME runtime_libraries COMMAND sh -c "! readelf -d '$<TARGET_FILE:keelson-runtime>' | grep -E 'lib(curl|systemd)'")
set_tests_properties(runtime_libraries PROPERTIES LABELS unit)
