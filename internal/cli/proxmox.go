package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"pve-iplease/internal/hook"
	"pve-iplease/internal/node"
	"pve-iplease/internal/pveapi"
	"pve-iplease/internal/report"
)

// libexec is where the package puts programs that are not for people.
const libexec = "/usr/libexec/pve-iplease"

// api opens Proxmox's API as root when it is first needed.
func (a *app) api(h *hook.Host) func() (*pveapi.API, error) {
	return sync.OnceValues(func() (*pveapi.API, error) { return pveapi.ForWriting(a.apiOptions(h)) })
}

func (a *app) apiOptions(h *hook.Host) pveapi.Options {
	return pveapi.Options{
		Root: h.Node.Path("/"),
		Note: func(s string) { a.log().Warn(s, report.Fields{}) },
		Start: func(args ...string) (io.ReadWriteCloser, error) {
			path, err := apiProgram(h.Node)
			if err != nil {
				return nil, err
			}
			return pveapi.Run(path, args...)
		},
	}
}

// apiProgram finds the program that speaks HTTPS for this one: beside it, as
// make and who copies both by hand put them, or where the package does. It
// belongs to this program and not to the host that is looked at, so --root
// doesn't move it.
func apiProgram(h *node.Host) (string, error) {
	self, err := os.Executable()
	if err == nil {
		self, err = filepath.EvalSymlinks(self)
	}
	if err != nil {
		self = libexec + "/" // a program that was replaced while it runs
	}
	for _, dir := range []string{filepath.Dir(self), libexec} {
		path := filepath.Join(dir, pveapi.Program)
		if err := h.Trust(path); !errors.Is(err, fs.ErrNotExist) {
			return path, err
		}
	}
	return "", fmt.Errorf("%s, which speaks to Proxmox's API, is neither in %s nor in %s; copy it there", pveapi.Program, filepath.Dir(self), libexec)
}
