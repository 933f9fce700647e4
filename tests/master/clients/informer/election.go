// SPDX-License-Identifier: Apache-2.0
package main

import (
	"context"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

// Two candidates: one leads, gives up, and the other leads.
func election(ctx context.Context, config *rest.Config, namespace string) error {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	leads := make(chan string, 10)
	candidate := func(ctx context.Context, name string) error {
		lock, err := resourcelock.New(resourcelock.LeasesResourceLock, namespace, "election", client.CoreV1(), client.CoordinationV1(),
			resourcelock.ResourceLockConfig{Identity: name})
		if err != nil {
			return err
		}
		elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
			Lock: lock, LeaseDuration: time.Minute, RenewDeadline: 50 * time.Second, RetryPeriod: 200 * time.Millisecond, ReleaseOnCancel: true,
			Callbacks: leaderelection.LeaderCallbacks{
				OnStartedLeading: func(context.Context) { leads <- name },
				OnStoppedLeading: func() {},
			}})
		if err != nil {
			return err
		}
		go elector.Run(ctx)
		return nil
	}
	expect := func(name string) error {
		select {
		case leader := <-leads:
			if leader != name {
				return fmt.Errorf("%s leads, not %s", leader, name)
			}
			return nil
		case <-time.After(patience):
			return fmt.Errorf("nobody leads after %s", patience)
		}
	}
	first, resign := context.WithCancel(ctx)
	defer resign()
	if err := candidate(first, "first"); err != nil {
		return err
	}
	if err := expect("first"); err != nil {
		return err
	}
	if err := candidate(ctx, "second"); err != nil {
		return err
	}
	renewed := func(before *metav1.MicroTime) error {
		return until(ctx, "the lease is renewed", func() (bool, error) {
			lease, err := client.CoordinationV1().Leases(namespace).Get(ctx, "election", metav1.GetOptions{})
			if err != nil {
				return false, err
			}
			if *lease.Spec.HolderIdentity != "first" {
				return false, fmt.Errorf("%s holds the lease", *lease.Spec.HolderIdentity)
			}
			return lease.Spec.RenewTime.After(before.Time), nil
		})
	}
	lease, err := client.CoordinationV1().Leases(namespace).Get(ctx, "election", metav1.GetOptions{})
	if err != nil {
		return err
	}
	if err := renewed(lease.Spec.RenewTime); err != nil {
		return err
	}
	resign()
	if err := expect("second"); err != nil {
		return err
	}
	lease, err = client.CoordinationV1().Leases(namespace).Get(ctx, "election", metav1.GetOptions{})
	if err != nil {
		return err
	}
	if *lease.Spec.HolderIdentity != "second" || *lease.Spec.LeaseTransitions < 1 {
		return fmt.Errorf("the lease is held by %s after %d transitions", *lease.Spec.HolderIdentity, *lease.Spec.LeaseTransitions)
	}
	return nil
}
