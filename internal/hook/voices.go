package hook

import (
	"context"
	"fmt"
	"slices"

	"pve-iplease/internal/lease"
	"pve-iplease/internal/probe"
)

// believed is what was heard without the voice of a guest that answers for
// every address. Where that can't be told from others, or it is no guest of
// this node, nothing can be said of any address, and nothing is marked.
func (r *run) believed(w lease.World, heard []lease.Heard, res probe.Result) ([]lease.Heard, error) {
	proxy := lease.ProxyARP(heard)
	if proxy == nil {
		return heard, nil
	}
	if proxy.Port == "" {
		return nil, fmt.Errorf("%w (%s)", proxy, r.host(w, proxy.MAC, res))
	}
	who := r.identity(w, proxy.MAC, proxy.Port)
	rest, ok := lease.Without(proxy.Port, heard, res.Doubt == "")
	if !ok {
		return nil, fmt.Errorf("%w (%s)", proxy, who)
	}
	r.warn(lease.Grant{}, "%v (%s): what comes by that port is not believed", proxy, who)
	return rest, nil
}

// contended reports whether a prober that the ledger does not know wants the
// claimed address. The ledger is read again only when somebody asked whom it
// didn't know at the claim: when many start at once, each is heard asking for
// its spares.
func (r *run) contended(ctx context.Context, g lease.Grant, heard []lease.Heard) (bool, error) {
	if !r.claimed.Contended(g, heard) {
		return false, nil
	}
	now, err := r.Ledger.View(ctx)
	if err != nil {
		return false, err
	}
	return now.Contended(g, heard), nil
}

// stepsAside reports whether to leave an address to who asks for it: one that
// was never the guest's, where another stayed silent. It costs nobody anything,
// and two clusters on one network, whose ledgers don't know of each other, get
// out of each other's way.
func stepsAside(g lease.Grant, heard []lease.Heard) bool {
	return g.How == lease.Fresh && g.Movable() && slices.ContainsFunc(heard, func(h lease.Heard) bool {
		return h.Silent && slices.Contains(g.Spares, h.Addr)
	})
}
