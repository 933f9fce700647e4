// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/openapi/sentences.h"

namespace keelson::openapi {

const std::string_view kWorkloadSentences = R"(
apps.v1.Deployment Keeps a number of like pods and exchanges them step by step when their template changes.
  spec How it is to be.
  status How far it is.
apps.v1.DeploymentSpec How a deployment is to be.
  minReadySeconds How long a pod has to be ready to count as available.
  paused Changes of the template wait while this is true.
  progressDeadlineSeconds After so long without progress it counts as failed; 600 by default.
  replicas How many pods; 1 by default.
  revisionHistoryLimit How many old replica sets are kept for going back; 10 by default.
  selector Which pods are its own. It has to fit the template and cannot be changed.
  strategy How old pods are exchanged for new ones.
  template What the pods are made from.
apps.v1.DeploymentStrategy How old pods are exchanged for new ones.
  rollingUpdate The bounds of a rolling update.
  type RollingUpdate (the default), or Recreate, which ends all old pods first.
apps.v1.RollingUpdateDeployment The bounds of a rolling update.
  maxSurge How many pods more than replicas there may be, as a number or percentage (rounded up); 25% by default.
  maxUnavailable How many pods fewer may be available, as a number or percentage (rounded down); 25% by default.
apps.v1.DeploymentStatus How far a deployment is.
  availableReplicas Pods that have been ready for minReadySeconds.
  collisionCount Counts name collisions of its replica sets.
  conditions Whether it is available, progressing or failing to make pods.
  observedGeneration The generation that this tells about.
  readyReplicas Pods that are ready.
  replicas Pods that are there.
  unavailableReplicas Pods that are still missing.
  updatedReplicas Pods made from the newest template.
apps.v1.ReplicaSet Keeps a number of like pods. Usually made by a deployment.
  spec How it is to be.
  status How many pods there are.
apps.v1.ReplicaSetSpec How a replica set is to be.
  minReadySeconds How long a pod has to be ready to count as available.
  replicas How many pods; 1 by default.
  selector Which pods are its own. It cannot be changed.
  template What the pods are made from.
apps.v1.DaemonSet Keeps one pod on every node that fits.
  spec How it is to be.
  status On how many nodes it runs.
apps.v1.DaemonSetSpec How a daemon set is to be.
  minReadySeconds How long a pod has to be ready to count as available.
  revisionHistoryLimit How many old templates are kept for going back; 10 by default.
  selector Which pods are its own. It cannot be changed.
  template What the pods are made from; its node selector and affinity say on which nodes.
  updateStrategy RollingUpdate (the default), or OnDelete, which exchanges a pod when it is deleted.
apps.v1.StatefulSet Keeps pods with lasting names and storage of their own.
  spec How it is to be.
  status How far it is.
apps.v1.StatefulSetSpec How a stateful set is to be.
  minReadySeconds How long a pod has to be ready to count as available.
  ordinals At which number names begin.
  persistentVolumeClaimRetentionPolicy Whether claims are kept when pods or the set go.
  podManagementPolicy OrderedReady (the default) takes one pod after another, Parallel all at once.
  replicas How many pods; 1 by default.
  revisionHistoryLimit How many old templates are kept for going back; 10 by default.
  selector Which pods are its own. It cannot be changed.
  serviceName The service that gives the pods their names.
  template What the pods are made from.
  updateStrategy How pods are exchanged: RollingUpdate or OnDelete.
  volumeClaimTemplates Claims that every pod gets.
batch.v1.Job Runs pods until enough of them have succeeded.
  spec How it is to be.
  status How far it is.
batch.v1.JobSpec How a job is to be.
  activeDeadlineSeconds After so long it is ended and counts as failed.
  backoffLimit How many failures are put up with; 6 by default.
  backoffLimitPerIndex The same for each index.
  completionMode NonIndexed (the default), or Indexed, which numbers its pods.
  completions How many pods have to succeed.
  manualSelector True: you keep the selector right yourself.
  maxFailedIndexes How many indexes may fail.
  parallelism How many pods may run at a time; 1 by default.
  podFailurePolicy What a failure means, by exit code or condition.
  podReplacementPolicy Whether a new pod waits until the old one is gone.
  selector Which pods are its own; made by the server.
  successPolicy When the job counts as done before all indexes are.
  suspend Ends its pods and makes none while this is true.
  template What the pods are made from.
  ttlSecondsAfterFinished How long after its end the job is deleted.
batch.v1.JobStatus How far a job is.
  active Pods that run or wait.
  completionTime When it was done.
  conditions Complete, Failed, Suspended and so on.
  failed Pods that failed.
  ready Pods that are ready.
  startTime When it began.
  succeeded Pods that succeeded.
batch.v1.CronJob Makes jobs at given times.
  spec How it is to be.
batch.v1.CronJobSpec How a cron job is to be.
  concurrencyPolicy What happens when the job before still runs: Allow, Forbid or Replace.
  failedJobsHistoryLimit How many failed jobs are kept; 1 by default.
  jobTemplate What the jobs are made from.
  schedule When, as five fields of cron: minute, hour, day, month, weekday.
  startingDeadlineSeconds How late a job may still begin.
  successfulJobsHistoryLimit How many jobs that succeeded are kept; 3 by default.
  suspend Makes no jobs while this is true.
  timeZone The time zone of the schedule, for instance Europe/Berlin.
autoscaling.v2.HorizontalPodAutoscaler Sets the number of pods by what they use.
  spec Of what, between which numbers, by which measures.
  status What it found and did.
autoscaling.v2.HorizontalPodAutoscalerSpec Of what, between which numbers, by which measures.
  behavior How fast it goes up and down.
  maxReplicas The most pods.
  metrics What is measured, and which value is wanted; the one that wants most pods counts.
  minReplicas The fewest pods; 1 by default.
  scaleTargetRef What is scaled, for instance a deployment.
policy.v1.PodDisruptionBudget How many pods may be missing because of evictions, as by kubectl drain.
  spec Which pods, and how many.
  status How many may go at the moment.
policy.v1.PodDisruptionBudgetSpec Which pods, and how many.
  maxUnavailable How many may be missing, as a number or percentage.
  minAvailable How many have to stay, as a number or percentage.
  selector Which pods. An empty one chooses all of the namespace.
  unhealthyPodEvictionPolicy Whether pods that are not ready may always go: IfHealthyBudget or AlwaysAllow.
)";

}  // namespace keelson::openapi
