package probe

import (
	"fmt"
	"slices"

	"golang.org/x/net/bpf"
)

// hearer is a wire whose kernel end keeps back what a filter doesn't let pass.
type hearer interface {
	hear([]bpf.RawInstruction) error
	vlan() uint16
}

// listenTo begins to hear what belongs to a topic, until done is called.
// Otherwise the wire is deaf: a process that waits for the ledger would be woken
// by each packet on the network, and when many guests start at once one that
// asks by the probes of all others. An error means that silence proves nothing.
func (p *Port) listenTo(t filterSpec) (done func(), err error) {
	h, ok := p.wire.(hearer)
	if !ok {
		return func() {}, nil
	}
	f, err := filter(h.vlan(), t)
	if err == nil {
		err = h.hear(f)
	}
	if err != nil {
		return func() {}, fmt.Errorf("listening on %s: %w", p.name, errno(err))
	}
	return func() { _ = h.hear(deaf()) }, nil
}

// narrow stops hearing gateways that have answered: they speak most on any
// network, and answer each of many guests that start at once. An error means
// that silence proves nothing.
func (p *Port) narrow(w *window) error {
	t := w.topic()
	if t.size() == 0 || t.size() == w.hears {
		return nil
	}
	w.hears = t.size()
	_, err := p.listenTo(t)
	return err
}

// topic is what there is left to hear: of gateways their own answer alone, which
// is little beside what all others ask them.
func (w *window) topic() (t filterSpec) {
	t.about = slices.Clone(w.question.Candidates)
	for _, g := range w.question.Gateways {
		if w.gateways[g.Addr].MAC.IsZero() {
			t.from = append(t.from, g.Addr)
		}
	}
	return t
}

// deaf lets nothing pass.
func deaf() []bpf.RawInstruction {
	f, _ := bpf.Assemble([]bpf.Instruction{bpf.RetConstant{Val: 0}}) // fails on no valid instruction
	return f
}
