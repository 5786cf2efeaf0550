package pveproxy

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// cluster is one key for all clusters of a test run: it takes long to make.
var cluster = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

// Keys writes below a root what Proxmox makes when a cluster begins: the keys
// for tickets and CSRF tokens, and the certificate of the node that
// etc/pve/local names.
func Keys(root string) error {
	key, err := cluster()
	if err != nil {
		return err
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return err
	}
	www, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	pve := filepath.Join(root, "etc/pve")
	for name, block := range map[string]pem.Block{
		"priv/authkey.key": {Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)},
		"authkey.pub":      {Type: "PUBLIC KEY", Bytes: public},
		"pve-www.key":      {Type: "PRIVATE KEY", Bytes: www},
	} {
		if err := write(filepath.Join(pve, name), block); err != nil {
			return err
		}
	}
	return Certificate(filepath.Join(pve, "local/pve-ssl.pem"))
}

// Certificate writes a certificate signed by itself, and its key beside it,
// with the ending .key.
func Certificate(path string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		return err
	}
	// Valid since the node's clock was wrong, as happens: a pin doesn't care.
	template := x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "pve.example"}, DNSNames: []string{"pve.example"},
		NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), crypto.Signer(key))
	if err != nil {
		return err
	}
	secret, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	if err := write(path, pem.Block{Type: "CERTIFICATE", Bytes: der}); err != nil {
		return err
	}
	return write(path[:len(path)-len("pem")]+"key", pem.Block{Type: "EC PRIVATE KEY", Bytes: secret})
}

func write(path string, block pem.Block) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, pem.EncodeToMemory(&block), 0o600)
}
