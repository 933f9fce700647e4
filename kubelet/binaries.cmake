# SPDX-License-Identifier: Apache-2.0
keelson_binary(NAME keelson-kubelet SOURCES main.cc DEPS lib_log kubelet_lifecycle kubelet_cluster kubelet_config kubelet_credentials kubelet_image kubelet_inventory kubelet_node lib_kube_client cri_api_client kubelet_server kubelet_source kubelet_probe kubelet_pleg kubelet_volume kubelet_cgroup)
