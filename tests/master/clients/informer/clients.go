// SPDX-License-Identifier: Apache-2.0
package main

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	coreapply "k8s.io/client-go/applyconfigurations/core/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/rest"
	watchtools "k8s.io/client-go/tools/watch"
)

var maps = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}

// Typed, dynamic and metadata clients, and server-side apply with typed configurations.
func clients(ctx context.Context, config *rest.Config, namespace string) error {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	mine := client.CoreV1().ConfigMaps(namespace)
	applied, err := mine.Apply(ctx, coreapply.ConfigMap("applied", namespace).WithData(map[string]string{"a": "1"}), metav1.ApplyOptions{FieldManager: "one"})
	if err != nil {
		return err
	}
	_, err = mine.Apply(ctx, coreapply.ConfigMap("applied", namespace).WithData(map[string]string{"a": "2"}), metav1.ApplyOptions{FieldManager: "two"})
	if !errors.IsConflict(err) {
		return fmt.Errorf("another's field is applied without a conflict: %v", err)
	}
	var waited *watch.Event
	waiting, done := context.WithTimeout(ctx, patience)
	defer done()
	ready := make(chan error, 1)
	go func() {
		var err error
		waited, err = watchtools.Until(waiting, applied.ResourceVersion, watcher{client, namespace}, func(event watch.Event) (bool, error) {
			found, isMap := event.Object.(*corev1.ConfigMap)
			return isMap && found.Data["a"] == "2", nil
		})
		ready <- err
	}()
	if _, err = mine.Apply(ctx, coreapply.ConfigMap("applied", namespace).WithData(map[string]string{"a": "2"}), metav1.ApplyOptions{FieldManager: "two", Force: true}); err != nil {
		return err
	}
	if err := <-ready; err != nil || waited.Type != watch.Modified {
		return fmt.Errorf("a watch from a revision does not see the change: %v", err)
	}
	loose, err := dynamic.NewForConfig(config)
	if err != nil {
		return err
	}
	dynamics := dynamicinformer.NewFilteredDynamicSharedInformerFactory(loose, 0, namespace, nil)
	dynamicStore := dynamics.ForResource(maps).Informer().GetStore()
	dynamics.Start(ctx.Done())
	about, err := metadata.NewForConfig(config)
	if err != nil {
		return err
	}
	abouts := metadatainformer.NewFilteredSharedInformerFactory(about, 0, namespace, nil)
	aboutStore := abouts.ForResource(maps).Informer().GetStore()
	abouts.Start(ctx.Done())
	dynamics.WaitForCacheSync(ctx.Done())
	abouts.WaitForCacheSync(ctx.Done())
	key := namespace + "/applied"
	if _, there, _ := dynamicStore.GetByKey(key); !there {
		return fmt.Errorf("the dynamic informer does not have %s", key)
	}
	found, there, _ := aboutStore.GetByKey(key)
	if !there || found.(*metav1.PartialObjectMetadata).Name != "applied" {
		return fmt.Errorf("the metadata informer does not have %s", key)
	}
	if err := mine.Delete(ctx, "applied", metav1.DeleteOptions{}); err != nil {
		return err
	}
	return until(ctx, "both informers have seen it go", func() (bool, error) {
		_, one, _ := dynamicStore.GetByKey(key)
		_, other, _ := aboutStore.GetByKey(key)
		return !one && !other, nil
	})
}

type watcher struct {
	client    kubernetes.Interface
	namespace string
}

func (w watcher) Watch(options metav1.ListOptions) (watch.Interface, error) {
	return w.WatchWithContext(context.Background(), options)
}

func (w watcher) WatchWithContext(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
	return w.client.CoreV1().ConfigMaps(w.namespace).Watch(ctx, options)
}
