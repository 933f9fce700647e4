// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/openapi/sentences.h"

namespace keelson::openapi {

const std::string_view kMetaSentences = R"(
meta.v1.ObjectMeta What every object has: its name, its labels, and what the server keeps about it.
  annotations Notes as keys and values. Nothing is selected by them.
  creationTimestamp When the server made the object. Set by the server.
  deletionGracePeriodSeconds How long the object has to end once its deletion was asked for. Set by the server.
  deletionTimestamp When the object is to be gone; it is there until then and until its finalizers are removed. Set by the server.
  finalizers Who has to finish something before the object may go. Each removes its own name.
  generateName The beginning of a name; the server adds five letters when name is empty.
  generation Counts the changes of the wanted state. Set by the server.
  labels Keys and values by which objects are selected and grouped.
  managedFields Which manager set which fields, for server-side apply. Kept by the server.
  name The name, unique among objects of its kind in the namespace. It cannot be changed.
  namespace The namespace that the object is in. It cannot be changed.
  ownerReferences The objects that this one belongs to; when all of them are gone it is removed as well.
  resourceVersion The revision at which the object was last changed. An update that names it fails if the object was changed since.
  selfLink No longer set.
  uid Tells this object from all others in time and place. Set by the server.
meta.v1.OwnerReference Names an owner in the same namespace, or one that is in none.
  apiVersion The owner's group and version.
  blockOwnerDeletion With foreground deletion the owner waits until this object is gone.
  controller This owner manages the object; only one may.
  kind The owner's kind.
  name The owner's name.
  uid The owner's uid.
meta.v1.LabelSelector Chooses objects by their labels; all of its parts have to hold. An empty one chooses all.
  matchExpressions Requirements of the form key, operator, values.
  matchLabels Labels that have to be there with exactly these values.
meta.v1.LabelSelectorRequirement One requirement of a selector.
  key The label's key.
  operator How key and values are compared: In, NotIn, Exists or DoesNotExist.
  values What In and NotIn compare with; empty for the others.
meta.v1.Condition One aspect of an object's state.
  lastTransitionTime When the status last changed.
  message An explanation for people.
  observedGeneration The generation of the object that this was found for.
  reason The cause in one word, for programs.
  status True, False or Unknown.
  type Which aspect it is.
meta.v1.ListMeta What a list has in place of an object's metadata.
  continue Asks for the next page; empty on the last.
  remainingItemCount How many items follow this page, where that is known.
  resourceVersion The revision that the list was read at.
)";

}  // namespace keelson::openapi
