package main

import (
	"fmt"
	"time"

	"pve-iplease/internal/pve"
)

// hookRun is a run of the hook.
type hookRun struct {
	spent
	found float64 // milliseconds from the process's start to net0 being written
}

// hooked runs pre-start of a container that has no address yet.
func (s *site) hooked(w *watcher, id pve.VMID) (h hookRun, err error) {
	type moment struct {
		at  time.Time
		err error
	}
	written := make(chan moment, 1)
	go func() {
		at, err := w.await(id.String()+".conf", time.Now().Add(time.Minute))
		written <- moment{at, err}
	}()
	if h.spent, err = s.run(s.hook(id, "pre-start")); err != nil {
		return h, err
	}
	if h.code != 0 {
		// It wrote nothing: what is waited for is put there.
		_ = s.container(id, "manual")
		<-written
		return h, fmt.Errorf("exit status %d: %s", h.code, h.log)
	}
	m := <-written
	h.found = ms(m.at.Sub(h.began))
	return h, m.err
}
