package hook_test

import (
	"net/netip"
	"time"
)

const hour = time.Hour

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }
