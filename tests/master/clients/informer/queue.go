// SPDX-License-Identifier: Apache-2.0
package main

import (
	"context"
	"fmt"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
)

const objects = 50

// Objects are made, worked on through an informer and a queue by four workers, and removed; the
// informer's cache has to follow all of it.
func queue(ctx context.Context, config *rest.Config, namespace string) error {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	factory := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithNamespace(namespace),
		informers.WithTweakListOptions(func(o *metav1.ListOptions) { o.LabelSelector = "part=queue" }))
	informer := factory.Core().V1().ConfigMaps()
	work := workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[string]())
	add := func(object any) {
		if key, err := cache.DeletionHandlingMetaNamespaceKeyFunc(object); err == nil {
			work.Add(key)
		}
	}
	informer.Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: add, UpdateFunc: func(_, object any) { add(object) }, DeleteFunc: add})
	before := 10 // there when the informer begins; the others come while it watches
	if err := create(ctx, client, namespace, 0, before); err != nil {
		return err
	}
	factory.Start(ctx.Done())
	for kind, synced := range factory.WaitForCacheSync(ctx.Done()) {
		if !synced {
			return fmt.Errorf("the informer of %v has not what there is", kind)
		}
	}
	lister := informer.Lister().ConfigMaps(namespace)
	if found, err := lister.List(labels.Everything()); err != nil || len(found) != before {
		return fmt.Errorf("%d objects when synced, not %d: %v", len(found), before, err)
	}
	var workers sync.WaitGroup
	for range 4 {
		workers.Add(1)
		go func() {
			defer workers.Done()
			for {
				key, end := work.Get()
				if end {
					return
				}
				if err := double(ctx, client, informer.Informer().GetStore(), key); err != nil {
					work.AddRateLimited(key)
				} else {
					work.Forget(key)
				}
				work.Done(key)
			}
		}()
	}
	defer workers.Wait()
	defer work.ShutDown()
	if err := create(ctx, client, namespace, before, objects); err != nil {
		return err
	}
	if err := until(ctx, "every object is worked on", func() (bool, error) {
		found, err := lister.List(labels.Everything())
		done := 0
		for _, one := range found {
			if one.Data["out"] == one.Data["in"]+one.Data["in"] {
				done++
			}
		}
		return done == objects, err
	}); err != nil {
		return err
	}
	if err := client.CoreV1().ConfigMaps(namespace).DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{LabelSelector: "part=queue"}); err != nil {
		return err
	}
	return until(ctx, "the informer has seen all of them go", func() (bool, error) {
		found, err := lister.List(labels.Everything())
		return len(found) == 0, err
	})
}

func create(ctx context.Context, client kubernetes.Interface, namespace string, from, to int) error {
	for i := from; i < to; i++ {
		object := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("queue-%d", i), Labels: map[string]string{"part": "queue"}},
			Data: map[string]string{"in": fmt.Sprint(i)}}
		if _, err := client.CoreV1().ConfigMaps(namespace).Create(ctx, object, metav1.CreateOptions{}); err != nil {
			return err
		}
	}
	return nil
}

func double(ctx context.Context, client kubernetes.Interface, store cache.Store, key string) error {
	found, exists, err := store.GetByKey(key)
	if err != nil || !exists {
		return err
	}
	object := found.(*corev1.ConfigMap).DeepCopy()
	want := object.Data["in"] + object.Data["in"]
	if object.Data["out"] == want {
		return nil
	}
	object.Data["out"] = want
	_, err = client.CoreV1().ConfigMaps(object.Namespace).Update(ctx, object, metav1.UpdateOptions{})
	if errors.IsNotFound(err) {
		return nil
	}
	return err
}
