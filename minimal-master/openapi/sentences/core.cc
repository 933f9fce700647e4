// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/openapi/sentences.h"

namespace keelson::openapi {

const std::string_view kCoreSentences = R"(
core.v1.Service A name and an address that lead to the ready pods which a selector chooses.
  spec How the service is to be.
  status The addresses of its load balancer.
core.v1.ServiceSpec How a service is to be.
  allocateLoadBalancerNodePorts Whether a load balancer gets ports of nodes too.
  clusterIP The address in the cluster. None: no address, names lead to the pods themselves.
  clusterIPs The addresses in the cluster, at most one of each family.
  externalIPs Addresses outside that nodes accept traffic for.
  externalName The name that a service of type ExternalName stands for.
  externalTrafficPolicy Cluster, or Local, which keeps to pods of the node and the client's address.
  healthCheckNodePort The port at which a load balancer asks a node, with policy Local.
  internalTrafficPolicy Cluster, or Local, which keeps to pods of the node.
  ipFamilies IPv4, IPv6 or both, in this order.
  ipFamilyPolicy SingleStack, PreferDualStack or RequireDualStack.
  loadBalancerClass Who makes the load balancer.
  loadBalancerSourceRanges Which clients the load balancer lets through.
  ports The ports of the service.
  publishNotReadyAddresses Whether pods that are not ready are led to as well.
  selector Labels of the pods that it leads to. Empty: somebody else keeps the endpoints.
  sessionAffinity ClientIP sends a client to the same pod each time; None by default.
  sessionAffinityConfig How long that lasts.
  trafficDistribution Which pods are preferred, for instance those near the client.
  type ClusterIP (the default), NodePort, LoadBalancer or ExternalName.
core.v1.ServicePort A port of a service.
  appProtocol The protocol above TCP, for who wants to know.
  name Its name; needed where there are several.
  nodePort The port on every node, for NodePort and LoadBalancer; chosen by the server if not given.
  port The port at the service's address.
  protocol TCP (the default), UDP or SCTP.
  targetPort The pods' port, by number or name; the same as port by default.
core.v1.Node A machine that runs pods.
  spec How the node is to be.
  status How it is, as it tells itself.
core.v1.NodeSpec How a node is to be.
  podCIDR The network of its pods.
  podCIDRs The networks of its pods, at most one of each family.
  providerID Its name at the provider of the machine.
  taints What keeps pods away that do not tolerate it.
  unschedulable No new pods are placed here, as after kubectl cordon.
core.v1.NodeStatus How a node is.
  addresses Its addresses and names.
  allocatable What pods can have.
  capacity What the machine has.
  conditions Whether it is ready, and whether memory, disk or processes get short.
  images Images that are there.
  nodeInfo Versions of its programs and its kernel.
core.v1.Taint Keeps pods away that do not tolerate it.
  effect NoSchedule, PreferNoSchedule, or NoExecute, which ends running pods as well.
  key Its key.
  timeAdded When it was added.
  value Its value.
core.v1.Namespace A part of the cluster in which names are unique.
  spec Who has to finish something before it may go.
  status Whether it is active or ending.
core.v1.ConfigMap Settings as keys and values, for environments and files of pods.
  binaryData Values that are no text, in base64. Keys are not in data.
  data Values that are text.
  immutable True: data cannot be changed any more.
core.v1.Secret Like a ConfigMap, for what should not be seen.
  data The values in base64.
  immutable True: data cannot be changed any more.
  stringData Values as plain text; written into data and never shown.
  type What it is for, which says which keys it needs; Opaque by default.
core.v1.ServiceAccount Whom pods act as towards the API.
  automountServiceAccountToken Whether pods get a token mounted, unless they say otherwise.
  imagePullSecrets Secrets for pulling the images of its pods.
  secrets Secrets that its pods may use.
core.v1.Event Something that happened to an object.
  count How often it happened.
  firstTimestamp When it happened first.
  involvedObject The object it is about.
  lastTimestamp When it happened last.
  message What happened, for people.
  reason What happened, in one word.
  source Who tells it.
  type Normal or Warning.
core.v1.Endpoints The addresses behind a service, in one object. EndpointSlices have taken its place.
  subsets Addresses and ports that belong together.
core.v1.PersistentVolume A piece of storage.
  spec What it is and what it can.
  status Whether it is taken.
core.v1.PersistentVolumeClaim Asks for storage.
  spec What is asked for.
  status What was given.
core.v1.PersistentVolumeClaimSpec What storage is asked for.
  accessModes How it is mounted: ReadWriteOnce, ReadOnlyMany, ReadWriteMany or ReadWriteOncePod.
  resources How much, as requests.storage.
  selector Labels of the volumes that will do.
  storageClassName The storage class; the default class if not set, none if empty.
  volumeMode Filesystem (the default) or Block.
  volumeName The volume that was bound.
core.v1.LimitRange Bounds and defaults for the resources of pods in a namespace.
core.v1.ResourceQuota Bounds for the sum of what a namespace uses.
)";

}  // namespace keelson::openapi
