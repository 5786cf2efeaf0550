package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"sync"

	"pve-iplease/internal/lab"
)

// lanes are sites side by side, so that waiting for answers costs no time.
// None hears another.
type lanes struct {
	script func(*rand.Rand) lab.Script
	all    []*lane
}

// lane is a site whose strangers answer for as many addresses as are asked.
type lane struct {
	*site
	script func(*rand.Rand) lab.Script
	random *rand.Rand
	block  byte // of addresses, the latest
}

// laneNode is the address of a lane's node. Its network is so wide that
// addresses are asked again only when nobody answers late any more.
var laneNode = netip.MustParsePrefix("10.9.0.2/16")

// openLanes makes as many lanes as the processors keep up with: hosts that
// answer late because the machine is busy would be overlooked by everybody.
func (b *bench) openLanes(later *cleanup, script func(*rand.Rand) lab.Script) (*lanes, error) {
	l := &lanes{script: script}
	for n := range b.scale(6*runtime.NumCPU(), 2) {
		s, err := b.newSite(later, laneNode, "")
		if err != nil {
			return nil, err
		}
		router := laneNode.Masked().Addr().Next()
		if _, err := s.lan.Stranger(lab.Script{Addrs: []netip.Addr{router}}); err != nil {
			return nil, err
		}
		l.all = append(l.all, &lane{site: s, script: script, random: rand.New(rand.NewPCG(uint64(n), rand.Uint64()))})
	}
	return l, nil
}

// fill puts strangers at n addresses that nobody had for a while.
func (l *lane) fill(n int) ([]netip.Addr, error) {
	l.leave()
	l.block = l.block%250 + 1
	addrs := span(netip.AddrFrom4([4]byte{10, 9, l.block, 1}), n)
	for _, a := range addrs {
		s := l.script(l.random)
		s.Addrs, s.Seed = []netip.Addr{a}, l.random.Uint64()
		st, err := l.lan.Stranger(s)
		if err != nil {
			return nil, err
		}
		l.strangers = append(l.strangers, st)
	}
	return addrs, nil
}

// verdict is how many addresses were judged, and called free.
type verdict struct{ judged, free int }

// judge asks for at least n addresses, as many at once as the judge bears.
func (ls *lanes) judge(j judge, n int) (total verdict, err error) {
	jobs := make(chan int, n) // each is for j.addrs addresses
	for begun := 0; begun < n; begun += j.addrs {
		jobs <- j.addrs
	}
	close(jobs)
	var mu sync.Mutex
	var all sync.WaitGroup
	for _, l := range ls.all[:min(len(ls.all), j.atOnce)] {
		all.Go(func() {
			for addrs := range jobs {
				v, fault := l.ask(j, addrs)
				mu.Lock()
				total.judged, total.free, err = total.judged+v.judged, total.free+v.free, errors.Join(err, fault)
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return total, err
}

func (l *lane) ask(j judge, n int) (verdict, error) {
	addrs, err := l.fill(n)
	if err != nil {
		return verdict{}, err
	}
	v, err := j.ask(l, addrs)
	if err != nil {
		err = fmt.Errorf("%s: %w", j.by, err)
	}
	return v, err
}
