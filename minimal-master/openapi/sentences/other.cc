// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/openapi/sentences.h"

namespace keelson::openapi {

const std::string_view kOtherSentences = R"(
networking.v1.Ingress Leads requests from outside to services, by host and path.
  spec The rules.
  status The addresses it is reached at.
networking.v1.IngressSpec The rules of an ingress.
  defaultBackend Where requests go that no rule fits.
  ingressClassName The class, which says who serves it.
  rules Hosts and their paths.
  tls Certificates for hosts, from Secrets.
networking.v1.NetworkPolicy Which traffic pods may have.
  spec The pods and the traffic.
networking.v1.NetworkPolicySpec The pods and the traffic.
  egress What they may reach.
  ingress Who may reach them.
  podSelector Which pods. An empty one chooses all of the namespace.
  policyTypes Whether it is about Ingress, Egress or both.
networking.v1.IngressClass Who serves the ingresses of this class.
discovery.v1.EndpointSlice Some of the addresses behind a service.
  addressType IPv4, IPv6 or FQDN.
  endpoints The addresses, with what is known of them.
  ports The ports at all of them.
coordination.v1.Lease Who holds something, and until when. Nodes tell by it that they live.
  spec The holder and its times.
coordination.v1.LeaseSpec The holder and its times.
  acquireTime When it was taken.
  holderIdentity Who holds it.
  leaseDurationSeconds How long it is good after renewTime.
  leaseTransitions How often the holder changed.
  renewTime When the holder last said that it is there.
rbac.v1.Role What may be done in a namespace.
  rules Verbs on resources. There is no rule that takes something away.
rbac.v1.ClusterRole What may be done in the whole cluster, or in the namespaces of role bindings to it.
  aggregationRule Rules are taken from the cluster roles that these selectors choose.
  rules Verbs on resources, or on paths that are no resources.
rbac.v1.RoleBinding Gives a role to somebody in a namespace.
  roleRef The role. It cannot be changed.
  subjects Who gets it.
rbac.v1.ClusterRoleBinding Gives a cluster role to somebody everywhere.
  roleRef The cluster role. It cannot be changed.
  subjects Who gets it.
rbac.v1.PolicyRule Verbs on resources.
  apiGroups Groups of the resources; "" is the core group, * all.
  nonResourceURLs Paths that are no resources; in cluster roles only.
  resourceNames Only objects of these names.
  resources The resources; subresources as pods/log, * for all.
  verbs What may be done: get, list, watch, create, update, patch, delete and others, * for all.
rbac.v1.Subject A user, a group or a service account.
scheduling.v1.PriorityClass A name for a priority of pods.
  description When to use it.
  globalDefault Whether pods without a class get it.
  preemptionPolicy Whether its pods may push out others: PreemptLowerPriority or Never.
  value The priority. It cannot be changed.
node.v1.RuntimeClass How containers of a pod are run.
  handler The handler's name at the node's runtime.
  overhead What a pod takes beside its containers.
  scheduling Which nodes have it.
storage.v1.StorageClass A kind of storage, from which volumes are made for claims.
  allowVolumeExpansion Whether claims may be made larger.
  parameters Settings of the provisioner.
  provisioner Who makes the volumes.
  reclaimPolicy What becomes of a volume whose claim is gone: Delete or Retain.
  volumeBindingMode Immediate, or WaitForFirstConsumer, which waits for a pod to be placed.
certificates.v1.CertificateSigningRequest Asks for a certificate.
  spec The request.
  status Whether it was approved, and the certificate.
)";

}  // namespace keelson::openapi
