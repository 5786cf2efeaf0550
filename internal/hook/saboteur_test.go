package hook_test

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"pve-iplease/internal/hook"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/probe"
	"pve-iplease/internal/pve"
	"pve-iplease/internal/report"
)

// sabotage counts the steps of a start, writes their names down, and ends the
// process at one of them.
type sabotage struct {
	diary *os.File
	at    int // the step to end at, counted from 1; 0: none
	call  int // index of deadly: end at that system call from there on; -1: at once
	n     int
}

// playSaboteur is the hook with arguments of its own in front: the diary, the
// step, the system call.
func playSaboteur(args []string) int {
	s := &sabotage{}
	var err error
	if s.diary, err = os.OpenFile(args[0], os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600); err != nil {
		return fail(err)
	}
	s.at, _ = strconv.Atoi(args[1])
	s.call, _ = strconv.Atoi(args[2])
	call, _, err := hook.ParseCall(args[3:])
	if err != nil {
		return fail(err)
	}
	h, err := hook.NewHost(hook.Place{Root: call.Root, Version: "test"}, report.New(os.Stdout, os.Stderr, ""))
	if err != nil {
		return fail(err)
	}
	s.tamper(h.Hook)
	return h.Run(context.Background(), call.VMID, call.Phase, call.Options)
}

// step is where the process may end.
func (s *sabotage) step(name string) {
	s.n++
	fmt.Fprintln(s.diary, name)
	switch {
	case s.n != s.at:
	case s.call >= 0:
		if err := deadly()[s.call].arm(); err != nil {
			panic(err)
		}
	default:
		_ = unix.Kill(os.Getpid(), unix.SIGKILL)
		select {}
	}
}

// around is a step before and one after.
func (s *sabotage) around(name string, do func()) {
	s.step("before " + name)
	do()
	s.step("after " + name)
}

// tamper puts itself between the hook and everything that it uses.
func (s *sabotage) tamper(h *hook.Hook) {
	h.Ledger = badLedger{h.Ledger, s}
	h.Guests = badGuests{h.Guests, s}
	h.Gateways = badGateways{h.Gateways, s}
	// A step is where it is every time.
	h.Background = func(work func()) func() { work(); return func() {} }
	h.Parallel = inTurn
	open, inventory, draft := h.Open, h.Inventory, h.Draft
	h.Draft = func(k pve.Kind, id pve.VMID, content []byte) (d hook.Draft, err error) {
		s.around("writing the config ahead", func() { d, err = draft(k, id, content) })
		return badDraft{d, s}, err
	}
	h.Open = func(at probe.Place) (w hook.Wire, closed bool, err error) {
		s.around("opening the wire", func() { w, closed, err = open(at) })
		return badWire{w, s}, closed, err
	}
	h.Inventory = func(ctx context.Context) (inv lease.Inventory, err error) {
		s.around("reading the inventory", func() { inv, err = inventory(ctx) })
		return inv, err
	}
}

type badLedger struct {
	hook.Ledger
	s *sabotage
}

func (b badLedger) View(ctx context.Context) (t *lease.Table, err error) {
	b.s.around("reading the ledger", func() { t, err = b.Ledger.View(ctx) })
	return t, err
}

func (b badLedger) Update(ctx context.Context, f func(*lease.Table) error) (err error) {
	b.s.around("the ledger's change", func() {
		err = b.Ledger.Update(ctx, func(t *lease.Table) (err error) {
			b.s.around("the decision", func() { err = f(t) })
			return err
		})
	})
	return err
}

type badGuests struct {
	hook.Guests
	s *sabotage
}

func (b badGuests) ReadGuest(k pve.Kind, id pve.VMID) (data []byte, err error) {
	b.s.around("reading the config", func() { data, err = b.Guests.ReadGuest(k, id) })
	return data, err
}

func (b badGuests) LockGuest(ctx context.Context, id pve.VMID, patience time.Duration) (func(), error) {
	var unlock func()
	var err error
	b.s.around("locking the config", func() { unlock, err = b.Guests.LockGuest(ctx, id, patience) })
	return func() { b.s.around("unlocking the config", unlock) }, err
}

func (b badGuests) Replace(ctx context.Context, k pve.Kind, id pve.VMID, old, data []byte) (err error) {
	b.s.around("writing the config", func() { err = b.Guests.Replace(ctx, k, id, old, data) })
	return err
}

type badDraft struct {
	hook.Draft
	s *sabotage
}

func (b badDraft) Put(ctx context.Context, old []byte) (err error) {
	b.s.around("putting the config in place", func() { err = b.Draft.Put(ctx, old) })
	return err
}

type badGateways struct {
	hook.Gateways
	s *sabotage
}

func (b badGateways) Learn(bridge string, tag uint16, gateway netip.Addr, mac pve.MAC, port string) (was pve.MAC) {
	b.s.around("learning the gateway", func() { was = b.Gateways.Learn(bridge, tag, gateway, mac, port) })
	return was
}

type badWire struct {
	hook.Wire
	s *sabotage
}

func (b badWire) Ask(ctx context.Context, q probe.Question) (res probe.Result, err error) {
	b.s.around("probing", func() { res, err = b.Wire.Ask(ctx, q) })
	return res, err
}
