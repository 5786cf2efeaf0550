package probe_test

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"pve-iplease/internal/lab"
	"pve-iplease/internal/probe"
	"pve-iplease/internal/pve"
)

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

// The cast: a gateway, an address under test, and one that nobody has.
var (
	gateway = addr("10.0.0.1")
	tested  = addr("10.0.0.201")
	idle    = addr("10.0.0.202")
)

// ask opens a port on the node's vmbr0 and asks one question about two
// addresses.
func ask(t *testing.T, node *lab.Node, change func(*probe.Question)) probe.Result {
	t.Helper()
	return askPort(t, open(t, node, "vmbr0", "eno1"), change)
}

func open(t testing.TB, node *lab.Node, bridge string, declared ...string) *probe.Port {
	t.Helper()
	var port *probe.Port
	err := node.Do(func() (err error) {
		port, err = probe.Open(probe.Place{Bridge: bridge}, declared)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(port.Close)
	return port
}

func askPort(t *testing.T, port *probe.Port, change func(*probe.Question)) probe.Result {
	t.Helper()
	pace, _ := probe.Preset("default")
	q := probe.Question{Candidates: []netip.Addr{tested, idle}, Gateways: []probe.Gateway{{Addr: gateway}}, Pace: pace}
	if change != nil {
		change(&q)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	r, err := port.Ask(ctx, q)
	if err != nil {
		t.Fatal(err)
	}
	if budget := 14; r.Sent > budget {
		t.Errorf("%d packets, want at most %d", r.Sent, budget)
	}
	return r
}

// want checks the verdict on the tested address and on the idle one.
func want(t *testing.T, r probe.Result, onTested, onIdle probe.Verdict) {
	t.Helper()
	got := []probe.Verdict{r.Answers[0].Verdict, r.Answers[1].Verdict}
	if diff := cmp.Diff([]probe.Verdict{onTested, onIdle}, got); diff != "" {
		t.Errorf("verdicts (-want +got):\n%s%+v", diff, r)
	}
}

func TestScriptedStrangers(t *testing.T) {
	t.Parallel()
	at := []netip.Addr{tested}
	for name, c := range map[string]struct {
		script lab.Script
		want   probe.Verdict
		reason string
	}{
		"answers":              {lab.Script{Addrs: at}, probe.Taken, "answers on port eno1"},
		"answers late":         {lab.Script{Addrs: at, Delay: 300 * time.Millisecond}, probe.Taken, "answers on port eno1"},
		"misses three":         {lab.Script{Addrs: at, Ignore: 3}, probe.Taken, "answers on port eno1"},
		"loses half":           {lab.Script{Addrs: at, Loss: 0.5, Seed: 7}, probe.Taken, "answers on port eno1"},
		"answers by broadcast": {lab.Script{Addrs: at, Broadcast: true}, probe.Taken, "answers on port eno1"},
		"announces only":       {lab.Script{Addrs: at, Mute: true, Announce: 150 * time.Millisecond}, probe.Taken, "announces it on port eno1"},
		"probes too":           {lab.Script{Addrs: at, Mute: true, Probe: 150 * time.Millisecond}, probe.Contended, "probes for it too on port eno1"},
		"has it and probes":    {lab.Script{Addrs: at, Ignore: 3, Probe: 50 * time.Millisecond}, probe.Taken, "answers on port eno1"},
		"answers garbage":      {lab.Script{Addrs: at, Garbage: true}, probe.Free, "4 probes unanswered"},
		"answers in a VLAN":    {lab.Script{Addrs: at, VLAN: 20}, probe.Free, "4 probes unanswered"},
		"is silent":            {lab.Script{Addrs: at, Mute: true}, probe.Free, "4 probes unanswered"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := lab.New(t)
			lan := f.LAN()
			f.Stranger(lan, lab.Script{Addrs: []netip.Addr{gateway}})
			node, _ := f.Node("pve1", lan)
			stranger := f.Stranger(lan, c.script)

			r := ask(t, node, nil)
			want(t, r, c.want, probe.Free)
			if got := r.Answers[0].Reason; !strings.HasSuffix(got, c.reason) {
				t.Errorf("reason %q, want one that ends in %q", got, c.reason)
			}
			if c.want == probe.Free {
				return
			}
			if diff := cmp.Diff([]pve.MAC{stranger.MAC}, r.Answers[0].MACs); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRealStranger(t *testing.T) {
	t.Parallel()
	f := lab.New(t)
	lan := f.LAN()
	gw := f.Host(lan, "10.0.0.1/24")
	stranger := f.Host(lan, "10.0.0.201/24")
	node, _ := f.Node("pve1", lan)

	got := ask(t, node, nil)
	want := probe.Result{
		Answers: []probe.Answer{
			{Addr: tested, Verdict: probe.Taken, MACs: []pve.MAC{stranger.MAC}, Ports: []string{"eno1"}},
			{Addr: idle, Verdict: probe.Free},
		},
		Gateways: map[netip.Addr]probe.Sign{gateway: {MAC: gw.MAC, Port: "eno1", Outside: true}},
	}
	ignore := cmp.Options{cmpopts.EquateComparable(netip.Addr{}), cmpopts.EquateEmpty(), cmpopts.IgnoreFields(probe.Answer{}, "Reason"), cmpopts.IgnoreFields(probe.Result{}, "Sent")}
	if diff := cmp.Diff(want, got, ignore); diff != "" {
		t.Error(diff)
	}
}

func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }
