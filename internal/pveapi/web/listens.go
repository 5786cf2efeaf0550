package web

import (
	"bufio"
	"bytes"
	"net"
	"net/netip"
	"strings"
)

// port is pveproxy's.
const port = "8006"

// listens reads from /etc/default/pveproxy which address pveproxy is bound to
// (pveproxy(8), LISTEN_IP); where it is all of them, the host's own is asked.
func listens(settings []byte) string {
	host := "127.0.0.1"
	for lines := bufio.NewScanner(bytes.NewReader(settings)); lines.Scan(); {
		value, ok := strings.CutPrefix(strings.TrimSpace(lines.Text()), "LISTEN_IP=")
		a, err := netip.ParseAddr(strings.Trim(value, `"'`))
		if ok && err == nil && !a.IsUnspecified() {
			host = a.String()
		}
	}
	return net.JoinHostPort(host, port)
}
