package web

import (
	"bytes"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"pve-iplease/internal/pveapi"
)

// pin is the certificates that this node's pveproxy may show, in DER. A file
// that only root can write is a better warrant than any authority: Proxmox
// signs them itself.
type pin struct {
	certs [][]byte
	from  []string
}

// certificates are where pveproxy has its own, the administrator's first. Both
// count: a new one is not in use before pveproxy is started again.
var certificates = []string{"/etc/pve/local/pveproxy-ssl.pem", "/etc/pve/local/pve-ssl.pem"}

// readPin reads this node's certificates.
func readPin(path func(string) string) (pin, error) {
	var p pin
	for _, name := range certificates {
		data, err := os.ReadFile(path(name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return p, fmt.Errorf("this node's certificate: %w", err)
		}
		block, _ := pem.Decode(data)
		if block == nil || block.Type != "CERTIFICATE" {
			return p, fmt.Errorf("%s holds no certificate; 'pvecm updatecerts --force' makes a new one", path(name))
		}
		p.certs, p.from = append(p.certs, block.Bytes), append(p.from, path(name))
	}
	if len(p.certs) == 0 {
		return p, fmt.Errorf("this node has no certificate in %s; is this a Proxmox node, and pve-cluster up?", path(certificates[1]))
	}
	return p, nil
}

// tls accepts the pinned certificates and no other, under whatever name and
// whoever has signed it; a resumed session is looked at as well.
func (p pin) tls() *tls.Config {
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		InsecureSkipVerify: true, // in favour of the stricter check below
		VerifyConnection: func(s tls.ConnectionState) error {
			for _, c := range p.certs {
				if len(s.PeerCertificates) > 0 && bytes.Equal(c, s.PeerCertificates[0].Raw) {
					return nil
				}
			}
			return fmt.Errorf("%w: it is not in %s; 'systemctl restart pveproxy' makes it use the present one", pveapi.ErrCertificate, p.from[0])
		},
	}
}
