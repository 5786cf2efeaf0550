package probe

import (
	"fmt"
	"net/netip"

	"golang.org/x/net/bpf"
)

// hearer is a wire whose kernel end keeps back what a filter doesn't let pass.
type hearer interface {
	hear([]bpf.RawInstruction) error
	vlan() uint16
}

// hearAbout begins to hear what is about the addresses, everything when none is
// given, until done is called. Otherwise the wire is deaf: a process that waits
// for the ledger would be woken by each packet on the network, and when many
// guests start at once one that asks by the probes of all others. An error
// means that silence proves nothing.
func (p *Port) hearAbout(about ...netip.Addr) (done func(), err error) {
	h, ok := p.wire.(hearer)
	if !ok {
		return func() {}, nil
	}
	f, err := filter(h.vlan(), about...)
	if err == nil {
		err = h.hear(f)
	}
	if err != nil {
		return func() {}, fmt.Errorf("listening on %s: %w", p.name, errno(err))
	}
	return func() { _ = h.hear(deaf()) }, nil
}

// narrow stops hearing about gateways that have answered: they are what is
// spoken of most on any network, and what many guests that start at once all ask
// for. An error means that silence proves nothing.
func (p *Port) narrow(w *window) error {
	about := w.about()
	if len(about) == 0 || len(about) == w.hears {
		return nil
	}
	w.hears = len(about)
	_, err := p.hearAbout(about...)
	return err
}

// about lists the addresses that there is something left to hear about, for
// the filter.
func (w *window) about() (addrs []netip.Addr) {
	for _, a := range w.question.Candidates {
		if a.Is4() {
			addrs = append(addrs, a)
		}
	}
	for _, g := range w.question.Gateways {
		if g.Addr.Is4() && w.gateways[g.Addr].IsZero() {
			addrs = append(addrs, g.Addr)
		}
	}
	return addrs
}

// deaf lets nothing pass.
func deaf() []bpf.RawInstruction {
	f, _ := bpf.Assemble([]bpf.Instruction{bpf.RetConstant{Val: 0}}) // fails on no valid instruction
	return f
}
