// SPDX-License-Identifier: Apache-2.0
// A controller as people write them with client-go, against whatever server the kubeconfig names:
//
//	informer queue|election|clients KUBECONFIG NAMESPACE
//
// Ends with status 1 and what was not so.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// How long anything may take on a busy machine.
const patience = time.Minute

func main() {
	if len(os.Args) != 4 {
		fail(fmt.Errorf("usage: informer queue|election|clients KUBECONFIG NAMESPACE"))
	}
	config, err := clientcmd.BuildConfigFromFlags("", os.Args[2])
	if err != nil {
		fail(err)
	}
	config.QPS, config.Burst = 1000, 1000
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	parts := map[string]func(context.Context, *rest.Config, string) error{"queue": queue, "election": election, "clients": clients}
	part, known := parts[os.Args[1]]
	if !known {
		fail(fmt.Errorf("there is no part %q", os.Args[1]))
	}
	if err := part(ctx, config, os.Args[3]); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// Until true, or an error after the patience.
func until(ctx context.Context, what string, holds func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		ok, err := holds()
		if err != nil || ok {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: not in %s", what, patience)
		case <-tick.C:
		}
	}
}
