package pveapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// User is who asks as root: the only one who may set a hookscript
// (PVE::LXC::check_ct_modify_config_perm).
const User = "root@pam"

// pvesh is Proxmox's command for the API. It takes a second a call, reaches
// other nodes by ssh, and needs neither pveproxy nor a ticket, but root.
type pvesh string

func findPvesh(root string) (pvesh, bool) {
	name, err := exec.LookPath(filepath.Join("/", root, "/usr/bin/pvesh"))
	return pvesh(name), err == nil && os.Geteuid() == 0
}

func (p pvesh) call(ctx context.Context, r Request, v any) error {
	verb := "get"
	if r.Method != Get {
		verb = "set"
	}
	args := []string{verb, r.Path, "--output-format", "json"}
	for _, name := range slices.Sorted(maps.Keys(r.Params)) {
		args = append(args, "--"+name, r.Params[name])
	}
	cmd := exec.CommandContext(ctx, string(p), args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("pvesh %s %s: %w", verb, r.Path, context.Cause(ctx))
	case errors.As(err, &exit):
		return &Error{Method: r.Method, Path: r.Path, Reason: said(errs.String()), As: User}
	case err != nil:
		return fmt.Errorf("pvesh: %w", err)
	case v == nil || len(bytes.TrimSpace(out.Bytes())) == 0:
		return nil
	}
	if err := json.Unmarshal(out.Bytes(), v); err != nil {
		return fmt.Errorf("pvesh %s %s: %w", verb, r.Path, err)
	}
	return nil
}

// said joins what pvesh wrote to stderr, without the usage that it adds.
func said(text string) string {
	text, _, _ = strings.Cut(text, "\nUSAGE:")
	var lines []string
	for l := range strings.Lines(text) {
		if l = strings.TrimSpace(l); l != "" && l != "pvesh" {
			lines = append(lines, l)
		}
	}
	return strings.Join(lines, "; ")
}
