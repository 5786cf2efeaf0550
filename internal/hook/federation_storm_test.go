package hook_test

import (
	"context"
	"flag"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pve-iplease/internal/hook"
	"pve-iplease/internal/lab/pmxcfs"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

var stormMinutes = flag.Float64("storm.minutes", 0, "how long TestFederationStorm lasts; 0: five waves")

// The storm: 4 nodes with 50 containers each. In each wave a part of them is
// started or stopped at once, as many on every node.
const (
	stormNodes = 4
	stormEach  = 50
	stormWave  = 10 // of each node
	stormWaves = 4
	stormCalm  = 80 // at once, when all survivors are started at the end
)

// vast is a pool with room for all, and for what a mistake would take beside.
const vast = `pool: lan
	bridge vmbr0
	subnet 10.0.0.0/16
	gateway 10.0.0.1
	range 10.0.1.0-10.0.2.255
	probe fast
`

// TestFederationStorm starts and stops containers on four nodes at once, kills
// hooks at random moments, takes the quorum away and gives it back, and
// crashes pmxcfs. Then no address has two containers, no container has lost
// the one that it had, no node was taken for a stranger, and everybody starts.
func TestFederationStorm(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	s := newStorm(t)
	end := time.Now().Add(time.Duration(*stormMinutes * float64(time.Minute)))
	for wave := 0; wave < stormWaves || time.Now().Before(end); wave++ {
		s.blow(wave)
		if t.Failed() {
			break
		}
	}
	s.calm()
}

// storm is what must be true of the containers, whoever was killed.
type storm struct {
	*federation
	t      *testing.T
	seed   uint64
	random *rand.Rand
	guests []*stormGuest
	codes  map[int]int
}

// stormGuest is a container as Proxmox would see it.
type stormGuest struct {
	*host
	id     pve.VMID
	struck bool // some wave started or stopped it
	runs   bool
	silent bool   // it runs, but the ledger could not be told
	had    string // the address that it ran with first, and must have for ever
	stops  bool   // what the present wave does to it
	call   *running
	timer  *time.Timer
}

func newStorm(t *testing.T) *storm {
	t.Helper()
	s := &storm{federation: newFederation(t, vast, stormNodes), t: t, seed: rand.Uint64(), codes: map[int]int{}}
	t.Logf("seed %d", s.seed)
	s.random = rand.New(rand.NewPCG(s.seed, 0))
	s.Stall(30 * time.Millisecond)
	s.hosts[0].gateway()
	for n := range stormEach {
		for i, h := range s.hosts {
			g := &stormGuest{host: h, id: pve.VMID(1000*(i+1) + n)}
			h.put(ct{id: g.id, ip: "manual"})
			s.guests = append(s.guests, g)
		}
	}
	return s
}

// blow is one wave. Two of five hooks are killed.
func (s *storm) blow(wave int) {
	began := time.Now()
	defer func() { s.t.Logf("wave %d: %v", wave, time.Since(began)) }()
	ctx, stop := context.WithCancel(s.t.Context())
	var weather sync.WaitGroup
	weather.Go(func() { s.disturb(ctx, rand.New(rand.NewPCG(s.seed, uint64(wave+1)))) })
	var hit []*stormGuest
	for i := range stormNodes {
		for _, n := range s.random.Perm(stormEach)[:stormWave] {
			hit = append(hit, s.guests[n*stormNodes+i])
		}
	}
	for _, g := range hit {
		g.begin(s.random)
	}
	for _, g := range hit {
		s.codes[g.end(s.t)]++
	}
	stop()
	weather.Wait()
	s.Heal()
	s.distinct()
}

// begin starts a stopped container, or stops a running one.
func (g *stormGuest) begin(random *rand.Rand) {
	g.struck, g.stops = true, g.runs
	phase := map[bool]string{true: "post-stop", false: "pre-start"}[g.stops]
	g.call = g.launch(g.command(program, g.host.call(g.id, phase)...))
	g.timer = time.AfterFunc(time.Hour, func() {})
	if random.IntN(5) < 2 {
		process := g.call.cmd.Process
		g.timer = time.AfterFunc(time.Duration(random.Int64N(int64(1500*time.Millisecond))), func() { _ = process.Kill() })
	}
}

// end waits for the hook. The container runs if it was let start; a stop
// can't be refused.
func (g *stormGuest) end(t *testing.T) int {
	t.Helper()
	r := g.call.end()
	g.timer.Stop()
	switch r.code {
	case hook.OK, hook.Failed, hook.Locked, -1:
	default:
		t.Errorf("CT %s: exit code %d:\n%s", g.id, r.code, r.log)
	}
	r.omits("in use by")
	g.runs = !g.stops && r.code == hook.OK
	g.silent = g.runs && strings.Contains(r.log, "as net0 says") // a degraded start
	return r.code
}

// disturb makes trouble until ctx ends.
func (s *storm) disturb(ctx context.Context, random *rand.Rand) {
	nodes := s.Nodes()
	for ctx.Err() == nil {
		n := nodes[random.IntN(len(nodes))]
		switch random.IntN(3) {
		case 0:
			s.cut(random, n)
		case 1:
			s.cut(random, nodes[0], nodes[1]) // nobody has a majority
		case 2:
			if err := n.Crash(); err != nil {
				s.t.Error(err)
			}
			doze(random, 100)
			if err := n.Restart(); err != nil {
				s.t.Error(err)
			}
		}
		doze(random, 500)
	}
}

// cut separates nodes from the others for a moment.
func (s *storm) cut(random *rand.Rand, nodes ...*pmxcfs.Node) {
	s.Partition(nodes...)
	doze(random, 100)
	s.Heal()
}

func doze(random *rand.Rand, limit int) {
	time.Sleep(time.Duration(random.IntN(limit)) * time.Millisecond)
}

// distinct holds the running containers against each other: each has the
// address that its config named when it started.
func (s *storm) distinct() {
	s.t.Helper()
	owner := map[string]pve.VMID{}
	for _, g := range s.guests {
		if !g.runs {
			continue
		}
		a := net0IP(g.read(g.confPath(g.id)))
		if other, twice := owner[a]; twice || a == "" {
			s.t.Errorf("CT %s runs with %q, as does CT %s", g.id, a, other)
		}
		owner[a] = g.id
		if g.had != "" && g.had != a {
			s.t.Errorf("CT %s had %s and now has %s", g.id, g.had, a)
		}
		g.had = a
	}
}

// calm looks at what the storm has left behind, and starts everybody.
func (s *storm) calm() {
	s.t.Helper()
	began := time.Now()
	defer func() { s.t.Logf("calm: %v", time.Since(began)) }()
	s.Advance(121 * time.Second) // for the lock of a node that is never used again
	s.settled()
	survivors := slices.DeleteFunc(slices.Clone(s.guests), func(g *stormGuest) bool { return !g.struck })
	for waiting := survivors; len(waiting) > 0; {
		now := waiting[:min(stormCalm, len(waiting))]
		waiting = append(s.again(now), waiting[len(now):]...)
	}
	s.distinct()
	s.settled()
	s.hosts[0].distinctIn(len(survivors))
	s.t.Logf("exit codes: %v", s.codes)
}

// again starts containers and returns those for which the ledger was busy for
// too long: they run all the same, as they had their address before.
func (s *storm) again(all []*stormGuest) (busy []*stormGuest) {
	s.t.Helper()
	for _, g := range all {
		g.call = g.launch(g.command(program, g.host.call(g.id, "pre-start")...))
	}
	for _, g := range all {
		r := g.call.wait().exits(hook.OK).omits("error", "in use by", "damaged")
		g.runs, g.silent = true, strings.Contains(r.log, "as net0 says")
		if g.silent && !s.t.Failed() {
			s.t.Logf("CT %s: %s", g.id, r.log)
			busy = append(busy, g)
		}
	}
	return busy
}

// settled fails the test unless the ledger gives each container the address
// that it had, bound if it runs, and knows no stranger.
func (s *storm) settled() {
	s.t.Helper()
	mine := map[pve.VMID]lease.Lease{}
	for _, l := range s.hosts[0].leases() {
		if other, twice := mine[l.Owner.VMID]; twice || l.State == lease.Conflicted {
			s.t.Errorf("a stranger, or one lease too many: %s, %s", summary(l), summary(other))
		}
		mine[l.Owner.VMID] = l
	}
	for _, g := range s.guests {
		l := mine[g.id]
		if g.had != "" && (l.Addr.String() != g.had || g.runs && !g.silent && l.State != lease.Bound) {
			s.t.Errorf("CT %s ran with %s, the ledger says %s", g.id, g.had, summary(l))
		}
	}
}

// net0IP is the address that a config's net0 names.
func net0IP(conf string) string {
	_, line, _ := strings.Cut(conf, "\nnet0: ")
	line, _, _ = strings.Cut(line, "\n")
	_, ip, _ := strings.Cut(line, ",ip=")
	ip, _, _ = strings.Cut(ip, "/")
	return ip
}
