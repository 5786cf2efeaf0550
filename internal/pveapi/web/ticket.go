package web

import (
	"crypto"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"time"

	"pve-iplease/internal/pveapi"
)

// ticket is a login at the API, good for two hours.
type ticket struct {
	cookie string // that says who we are
	csrf   string // that lets us write
}

// makeTicket signs a login for root@pam with the cluster's own key, as Proxmox
// does for a user who gave the right password (PVE::Ticket::assemble_rsa_ticket).
// Only root can read the key, and root can do all of it anyway.
func makeTicket(path func(string) string, now time.Time) (ticket, error) {
	key, err := readKey(path("/etc/pve/priv/authkey.key"))
	if err != nil {
		return ticket{}, err
	}
	www, err := os.ReadFile(path("/etc/pve/pve-www.key"))
	if err != nil {
		return ticket{}, fmt.Errorf("the cluster's key for forms: %w", err)
	}
	stamp := fmt.Sprintf("%08X", now.Unix())
	plain := "PVE:" + pveapi.User + ":" + stamp
	// SHA-1 is what Proxmox verifies: Crypt::OpenSSL::RSA's default up to 0.37.
	digest := sha1.Sum([]byte(plain))
	signature, err := rsa.SignPKCS1v15(nil, key, crypto.SHA1, digest[:])
	if err != nil {
		return ticket{}, fmt.Errorf("the cluster's key can't sign: %w", err)
	}
	// The key of the second HMAC is the first one's text: Digest::SHA takes its
	// last argument for the key, and Proxmox gives it nothing but the file.
	secret := mac(www, "")
	return ticket{
		cookie: plain + "::" + base64.StdEncoding.EncodeToString(signature),
		csrf:   stamp + ":" + mac([]byte(secret), stamp+":"+pveapi.User),
	}, nil
}

// mac is Digest::SHA's hmac_sha256_base64, which doesn't pad.
func mac(key []byte, text string) string {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return base64.RawStdEncoding.EncodeToString(h.Sum(nil))
}

// readKey reads an RSA key as OpenSSL writes it, in either of its two forms.
func readKey(path string) (*rsa.PrivateKey, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("the cluster's key: %w", err)
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, fmt.Errorf("%s is no key; Proxmox makes a new one when somebody logs in", path)
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	any, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	key, ok := any.(*rsa.PrivateKey)
	if !ok {
		return nil, errors.New(path + " is no RSA key, which Proxmox's tickets need")
	}
	return key, nil
}
