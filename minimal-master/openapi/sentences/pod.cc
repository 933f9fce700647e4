// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/openapi/sentences.h"

namespace keelson::openapi {

const std::string_view kPodSentences = R"(
core.v1.Pod Containers that run together on one node, with one address and shared volumes.
  apiVersion The group and version of this form of the object.
  kind What the object is.
  metadata Name, namespace, labels and what the server keeps.
  spec How the pod is to be.
  status How it is, as its node tells.
core.v1.PodSpec How a pod is to be. Most of it cannot be changed later.
  activeDeadlineSeconds After so many seconds the pod is ended and counts as failed.
  affinity Preferences and demands about nodes and about pods nearby.
  automountServiceAccountToken Whether a token of the service account is mounted.
  containers The pod's containers; at least one. None can be added or removed later.
  dnsConfig Name servers, search domains and options, added to what dnsPolicy gives.
  dnsPolicy Where names are looked up: ClusterFirst, ClusterFirstWithHostNet, Default or None.
  enableServiceLinks Whether services are told to containers in environment variables; true by default.
  ephemeralContainers Containers added to a running pod to look into it. Only through the subresource of that name.
  hostAliases Lines for the pod's hosts file.
  hostIPC Shares the node's inter-process communication.
  hostNetwork Shares the node's network; ports are then the node's.
  hostPID Shares the node's processes.
  hostUsers False gives the pod users of its own, so that root inside is nobody outside.
  hostname The pod's hostname; its name by default.
  imagePullSecrets Secrets with credentials for pulling the images.
  initContainers Run one after another before the containers begin; one with restartPolicy Always goes on beside them.
  nodeName The node it runs on. Usually set by the scheduler.
  nodeSelector Labels that the node has to have.
  os The operating system of the containers.
  overhead What the pod itself takes beside its containers; set from the runtime class.
  preemptionPolicy Whether pods of less priority may be ended to make room: PreemptLowerPriority or Never.
  priority The priority as a number; set from priorityClassName.
  priorityClassName The priority class. The greater its value, the sooner the pod is placed.
  readinessGates Conditions that have to be true, beside its containers' readiness, for the pod to count as ready.
  resourceClaims Devices and the like that have to be allocated before the pod starts.
  resources What the pod as a whole may take.
  restartPolicy When containers are started again: Always, OnFailure or Never.
  runtimeClassName The runtime class that says how containers are run.
  schedulerName Which scheduler places the pod.
  schedulingGates The pod is not placed until all of them are removed.
  securityContext Users, groups and other security settings of all containers.
  serviceAccountName The service account the pod acts as; default if none is named.
  setHostnameAsFQDN Whether the hostname is the fully qualified name.
  shareProcessNamespace Whether the containers see each other's processes.
  subdomain Makes the name hostname.subdomain.namespace.svc with the cluster's domain.
  terminationGracePeriodSeconds How long containers have to end after they were asked to; 30 by default.
  tolerations Taints of nodes that the pod puts up with.
  topologySpreadConstraints How pods are spread over zones, nodes or other parts.
  volumes Volumes that the containers can mount.
core.v1.PodStatus How a pod is. It may lag behind.
  conditions Whether it is scheduled, initialised, ready and so on.
  containerStatuses The state of each container.
  ephemeralContainerStatuses The state of each container that was added later.
  hostIP The node's address.
  initContainerStatuses The state of each init container.
  message An explanation for people of why the pod is in this state.
  nominatedNodeName The node on which room is being made for it.
  phase Where it stands: Pending, Running, Succeeded, Failed or Unknown.
  podIP The pod's address.
  podIPs Its addresses, at most one of each family.
  qosClass How it is treated when memory gets short: Guaranteed, Burstable or BestEffort.
  reason The cause of the state in one word.
  startTime When the node took the pod on.
core.v1.PodTemplateSpec What pods are made from.
  metadata Labels and annotations of the pods.
  spec How the pods are to be.
core.v1.PodSecurityContext Security settings of all containers of a pod; a container's own settings go first.
  fsGroup The group that volumes belong to.
  fsGroupChangePolicy When ownership of volumes is changed: Always or OnRootMismatch.
  runAsGroup The group of the processes.
  runAsNonRoot Refuses to start processes as root.
  runAsUser The user of the processes; the image's by default.
  seccompProfile Which system calls are allowed.
  supplementalGroups More groups of the processes.
  sysctls Kernel settings of the pod's own.
core.v1.Toleration A taint that is put up with.
  effect Which effect: NoSchedule, PreferNoSchedule or NoExecute. Empty: all of them.
  key The taint's key. Empty with operator Exists: every taint.
  operator Exists, or Equal (the default), which compares the value.
  tolerationSeconds How long a NoExecute taint is put up with; forever if not set.
  value The taint's value, for Equal.
core.v1.Affinity Where a pod would like to be, or has to be.
  nodeAffinity Which nodes.
  podAffinity Near which pods.
  podAntiAffinity Away from which pods.
core.v1.TopologySpreadConstraint How evenly pods are spread.
  labelSelector Which pods are counted.
  maxSkew By how many pods parts may differ.
  minDomains How many parts there have to be at least.
  topologyKey The label of nodes whose value tells the parts apart.
  whenUnsatisfiable DoNotSchedule waits, ScheduleAnyway places it where it is least uneven.
core.v1.Volume A volume of a pod: a name, and one source.
  configMap Files from a ConfigMap.
  csi A volume of a CSI driver that lives as long as the pod.
  downwardAPI Files that tell about the pod itself.
  emptyDir An empty directory that lives as long as the pod.
  ephemeral A claim that is made for the pod and goes with it.
  hostPath A file or directory of the node.
  image The content of an image, read-only.
  name The name by which containers mount it.
  nfs An NFS export.
  persistentVolumeClaim A claim in the same namespace.
  projected Several sources in one directory.
  secret Files from a Secret.
)";

}  // namespace keelson::openapi
