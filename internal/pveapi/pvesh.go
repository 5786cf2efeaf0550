package pveapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os/exec"
	"slices"
	"strings"
)

// pvesh is Proxmox's command for the API. It takes a second a call, reaches
// other nodes by ssh, and needs neither pveproxy nor a ticket, but root.
type pvesh string

func findPvesh(path func(string) string) (pvesh, bool) {
	name, err := exec.LookPath(path("/usr/bin/pvesh"))
	return pvesh(name), err == nil
}

func (p pvesh) call(ctx context.Context, method, path string, params map[string]string, v any) error {
	verb := "get"
	if method != http.MethodGet {
		verb = "set"
	}
	args := []string{verb, path, "--output-format", "json"}
	for _, name := range slices.Sorted(maps.Keys(params)) {
		args = append(args, "--"+name, params[name])
	}
	cmd := exec.CommandContext(ctx, string(p), args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("pvesh %s %s: %w", verb, path, context.Cause(ctx))
	case errors.As(err, &exit):
		return &Error{Method: method, Path: path, Reason: said(errs.String()), As: ticketUser}
	case err != nil:
		return fmt.Errorf("pvesh: %w", err)
	case v == nil || len(bytes.TrimSpace(out.Bytes())) == 0:
		return nil
	}
	if err := json.Unmarshal(out.Bytes(), v); err != nil {
		return fmt.Errorf("pvesh %s %s: %w", verb, path, err)
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
