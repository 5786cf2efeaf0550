package config_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pve-iplease/internal/config"
)

func TestParseNode(t *testing.T) {
	t.Parallel()
	standard := config.DefaultNode()
	with := func(edit func(*config.Node)) config.Node {
		n := standard
		edit(&n)
		return n
	}
	noLedger := with(func(n *config.Node) { n.Ledger = "" })
	tests := map[string]struct {
		text string
		want config.Node
		told string
	}{
		"empty": {"", standard, ""},
		"everything": {
			"# here\r\npools /srv/phoenix config.json\r\n\tledger  /srv//ledger/ \r\ndeadline 1m30s",
			config.Node{Pools: "/srv/phoenix config.json", Ledger: "/srv/ledger", Deadline: 90 * time.Second},
			"",
		},
		"unknown key":       {"leger /x\n", standard, `warning: n:1: "leger" is none of the keys arp-rate, deadline, dhcp-leases, ledger, pools, snippets, and ignored; did you mean ledger?`},
		"colon":             {"ledger: /x\n", noLedger, `n:1: ledger has no colon or equals sign; write 'ledger VALUE'`},
		"equals":            {"ledger=/x\n", noLedger, `n:1: ledger has no colon or equals sign; write 'ledger VALUE'`},
		"equals, blanks":    {"ledger = /x\n", noLedger, `n:1: ledger "= /x" is no absolute path like /etc/pve/pve-iplease/pools.cfg`},
		"relative":          {"ledger x\n", noLedger, `n:1: ledger "x" is no absolute path like /etc/pve/pve-iplease/pools.cfg`},
		"root":              {"ledger /..\n", noLedger, `n:1: ledger "/.." is no absolute path like /etc/pve/pve-iplease/pools.cfg`},
		"no path":           {"\nledger\n", noLedger, `n:2: ledger has no value`},
		"Latin-1":           {"ledger /\xe9\n", noLedger, `n:1: ledger "/\xe9" is no path: it is not UTF-8 text`},
		"twice":             {"ledger /x\nledger /y\n", noLedger, `n:2: ledger is given twice, first in line 1; keep one of them`},
		"shortest deadline": {"deadline 5s\n", with(func(n *config.Node) { n.Deadline = 5 * time.Second }), ""},
		"ARP rate":          {"arp-rate 100\n", with(func(n *config.Node) { n.ARPRate = 100 }), ""},
		"no ARP":            {"arp-rate 0\n", with(func(n *config.Node) { n.ARPRate = 14 }), `warning: n:1: arp-rate "0" is no number from 1 to 1000; 14 is taken`},
		"ARP rate by words": {"arp-rate 14/s\n", with(func(n *config.Node) { n.ARPRate = 14 }), `warning: n:1: arp-rate "14/s" is no number from 1 to 1000; 14 is taken`},
		"longest deadline":  {"deadline 10m\n", with(func(n *config.Node) { n.Deadline = 10 * time.Minute }), ""},
		"too short":         {"deadline 4s\n", standard, `n:1: deadline "4s" is out of bounds; allowed are 5s to 10m`},
		"too long":          {"deadline 1h\n", standard, `n:1: deadline "1h" is out of bounds; allowed are 5s to 10m`},
		"no unit":           {"deadline 30\n", standard, `n:1: deadline "30" is no duration; write numbers with a unit s, m, h, d or w, like 30s, 24h, 7d`},
		"DHCP":              {"dhcp-leases /srv/a  /srv//b\n", with(func(n *config.Node) { n.DHCP = []string{"/srv/a", "/srv/b"} }), ""},
		"one wrong DHCP file": {
			"dhcp-leases x /srv/b /\n", with(func(n *config.Node) { n.DHCP = []string{"/srv/b"} }),
			`warning: n:1: dhcp-leases "x" is no absolute path like /var/lib/misc/dnsmasq.leases`,
		},
		"no DHCP file":        {"dhcp-leases\n", standard, `warning: n:1: dhcp-leases has no value`},
		"snippets":            {"snippets /mnt/pve/shared/snippets\n", standard, ""},
		"one wrong directory": {"snippets x\n", standard, `warning: n:1: snippets "x" is no absolute path like /mnt/pve/shared/snippets`},
		"UTF-16": {
			"\xfe\xff", with(func(n *config.Node) { n.Pools, n.Ledger = "", "" }), `n:1: the file is UTF-16; save it as UTF-8`,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, problems := config.ParseNode("n", []byte(tt.text))
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("node (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.told, told(problems)); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}
