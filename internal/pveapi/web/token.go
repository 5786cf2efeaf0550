package web

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"syscall"
)

// token is an API token.
type token struct{ id, secret string }

// written is how a token looks (PVE::AccessControl, token_full_regex); the
// secret is a UUID.
const written = `^([^\s:/!=]+@[A-Za-z][A-Za-z0-9._-]+![A-Za-z][A-Za-z0-9._-]+)=([0-9A-Fa-f-]{36})$`

// readToken reads a token that nobody but its owner can read: a secret that
// others have seen is none.
func readToken(path string) (token, error) {
	f, err := os.Open(path)
	if err != nil {
		return token{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return token{}, err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !info.Mode().IsRegular():
		return token{}, fmt.Errorf("%s is no file", path)
	case info.Mode().Perm()&0o077 != 0:
		return token{}, fmt.Errorf("%s has the mode %04o, and others could use the token; run 'chmod 600 %s', and make a new token if they may have read it", path, info.Mode().Perm(), path)
	case ok && stat.Uid != 0 && int(stat.Uid) != os.Geteuid():
		return token{}, fmt.Errorf("%s belongs to uid %d, not to root; run 'chown root %s'", path, stat.Uid, path)
	}
	data := make([]byte, 1024)
	n, err := f.Read(data)
	if err != nil {
		return token{}, fmt.Errorf("%s can't be read: %w", path, err)
	}
	return parseToken(path, data[:n])
}

// parseToken reads the content of a token file.
func parseToken(path string, data []byte) (token, error) {
	m := regexp.MustCompile(written).FindSubmatch(bytes.TrimSpace(data))
	if m == nil {
		return token{}, fmt.Errorf("%s holds no token; write one line USER@REALM!NAME=SECRET, as 'pveum user token add' prints them", path)
	}
	return token{id: string(m[1]), secret: string(m[2])}, nil
}
