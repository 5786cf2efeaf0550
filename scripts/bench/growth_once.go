package main

import (
	"errors"
	"fmt"
	"net/netip"
	"os/exec"
	"strings"
	"time"

	"pve-iplease/internal/pve"
)

// once starts n containers at the same time, and measures until the last has
// its address.
func (h *host) once(n int) (sample, error) {
	if err := h.reset(n, false); err != nil {
		return nil, err
	}
	last := make(chan arrival, 1)
	began := time.Now()
	go func() { last <- h.arrivals(n, began.Add(time.Minute)) }()
	logs := make([]strings.Builder, n)
	var hooks []*exec.Cmd
	for i := range n {
		cmd := h.hook(startID+pve.VMID(i), "pre-start")
		cmd.Stdout, cmd.Stderr = &logs[i], &logs[i]
		if err := h.node.Start(cmd); err != nil {
			return nil, err
		}
		hooks = append(hooks, cmd)
	}
	var failed error
	for i, cmd := range hooks {
		if err := cmd.Wait(); err != nil {
			failed = fmt.Errorf("%w: %s", err, logs[i].String())
			_ = h.container(startID+pve.VMID(i), "manual") // what is waited for is put there
		}
	}
	came := <-last
	if err := errors.Join(failed, came.err); err != nil {
		return nil, fmt.Errorf("%d starts: %w", n, err)
	}
	different := map[netip.Addr]bool{}
	for i := range n {
		a, err := h.leased(startID + pve.VMID(i))
		if err != nil {
			return nil, err
		}
		different[a] = true
	}
	return sample{"whole": ms(came.at.Sub(began)), "addresses": float64(len(different)), "starts": float64(n)}, nil
}

// arrival is when the last of several configs was put in place.
type arrival struct {
	at  time.Time
	err error
}

// arrivals waits for the configs of n containers.
func (h *host) arrivals(n int, until time.Time) (a arrival) {
	waiting := map[string]bool{}
	for i := range n {
		waiting[(startID+pve.VMID(i)).String()+".conf"] = true
	}
	for len(waiting) > 0 {
		names, err := h.watcher.next(until)
		if err != nil || len(names) == 0 {
			return arrival{err: fmt.Errorf("%d configs were not written: %w", len(waiting), err)}
		}
		a.at = time.Now()
		for _, name := range names {
			delete(waiting, name)
		}
	}
	return a
}
