// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/openapi/sentences.h"

namespace keelson::openapi {

const std::string_view kContainerSentences = R"(
core.v1.Container A program with its image, what it may use and how it is watched.
  args Arguments of the command; the image's by default. $(NAME) stands for a variable of the environment.
  command What is run, instead of the image's entry point. It is not run by a shell.
  env Variables of the environment.
  envFrom ConfigMaps and Secrets whose keys become variables.
  image The image's name. A tag or digest says which version.
  imagePullPolicy When the image is pulled: Always, IfNotPresent or Never. Always is the default for the tag latest.
  lifecycle What is done after the start and before the end.
  livenessProbe The container is started again when this fails.
  name Tells the container from the others of the pod. It cannot be changed.
  ports Ports that it listens on. This only tells; other ports can be reached as well.
  readinessProbe The pod gets no traffic from services while this fails.
  resizePolicy Whether the container has to start again when its resources are changed.
  resources What it is promised and what it may take at most.
  restartPolicy When this container is started again, in place of the pod's policy.
  restartPolicyRules Exceptions from restartPolicy by exit code.
  securityContext Security settings; they go before the pod's.
  startupProbe The other probes begin when this has succeeded.
  stdin Keeps a standard input for who attaches.
  stdinOnce Closes the standard input when the first client goes.
  terminationMessagePath The file whose content is shown as message when the container ends.
  terminationMessagePolicy File, or FallbackToLogsOnError, which takes the end of the log if the file is empty.
  tty Gives it a terminal.
  volumeDevices Block devices, and where they are in the container.
  volumeMounts Volumes, and where they are in the container.
  workingDir The working directory; the image's by default.
core.v1.ResourceRequirements What is promised and what may be taken at most.
  claims Claims of the pod that this container uses.
  limits The most that may be taken, for instance cpu: 500m, memory: 128Mi.
  requests What is promised, and what the scheduler counts with; the limits by default.
core.v1.ContainerPort A port that a container listens on.
  containerPort The number in the container.
  hostIP The node's address that the port is bound to.
  hostPort The port of the node that leads here. Rarely needed.
  name A name by which services and probes refer to it.
  protocol TCP (the default), UDP or SCTP.
core.v1.EnvVar A variable of the environment.
  name Its name.
  value Its value. $(NAME) stands for a variable before it.
  valueFrom Where the value comes from instead.
core.v1.EnvVarSource Where a variable's value comes from.
  configMapKeyRef A key of a ConfigMap.
  fieldRef A field of the pod.
  resourceFieldRef A limit or request of a container.
  secretKeyRef A key of a Secret.
core.v1.Probe How it is found out whether a container is well: one of exec, grpc, httpGet and tcpSocket.
  exec A command that has to end with status 0.
  failureThreshold How many failures in a row count; 3 by default.
  grpc A call of the gRPC health service.
  httpGet A request that has to be answered with a status from 200 to 399.
  initialDelaySeconds How long after the start it begins.
  periodSeconds How often it is done; every 10 seconds by default.
  successThreshold How many successes in a row count; 1 by default.
  tcpSocket A port that has to accept a connection.
  terminationGracePeriodSeconds How long the container has to end when this probe failed.
  timeoutSeconds How long an answer may take; 1 second by default.
core.v1.VolumeMount Where a volume is in a container.
  mountPath The path in the container.
  mountPropagation Whether mounts made later are seen on the other side.
  name The volume's name.
  readOnly Refuses writes.
  recursiveReadOnly Whether mounts below it are read-only as well.
  subPath A path in the volume that is mounted in place of its root.
  subPathExpr The same with variables of the environment in it.
core.v1.SecurityContext Security settings of a container.
  allowPrivilegeEscalation Whether a process may get more rights than its parent had.
  appArmorProfile The AppArmor profile.
  capabilities Capabilities that are added or dropped.
  privileged Gives the container all rights on the node.
  procMount How /proc is mounted: Default hides parts of it, Unmasked does not.
  readOnlyRootFilesystem Whether the container's root is read-only.
  runAsGroup The group of the process.
  runAsNonRoot Refuses to start the process as root.
  runAsUser The user of the process; the image's by default.
  seLinuxOptions The SELinux label.
  seccompProfile Which system calls are allowed.
core.v1.Lifecycle What is done in a container's life.
  postStart Done right after the start; the container waits for it.
  preStop Done before the container is asked to end, within its grace period.
  stopSignal The signal that asks it to end.
core.v1.ContainerStatus The state of a container.
  containerID Its name at the runtime.
  image The image it runs.
  imageID The image's digest.
  lastState How it ended the last time.
  name Its name.
  ready Whether it counts as ready.
  restartCount How often it was started again.
  started Whether its startup probe has succeeded.
  state How it is now: waiting, running or terminated.
)";

}  // namespace keelson::openapi
