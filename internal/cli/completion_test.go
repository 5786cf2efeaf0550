package cli_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pve-iplease/internal/lab"
)

// onPath makes a directory in which this test binary is the program, and the
// tree of a node.
func onPath(t *testing.T) (env []string, root string) {
	t.Helper()
	dir, root := t.TempDir(), t.TempDir()
	self, err := os.Executable()
	if err == nil {
		err = os.Symlink(self, filepath.Join(dir, program))
	}
	for name, text := range map[string]string{
		"nodes/pve1/lxc/101.conf": "", "nodes/pve2/lxc/102.conf": "", "nodes/pve2/qemu-server/200.conf": "",
		"pve-iplease/pools.cfg": "pool: lan\n\tbridge vmbr0\n\tsubnet 10.0.0.0/24\n\trange 10.0.0.200\n\nreservation: 10.0.0.50\n\tcomment the printer\n",
	} {
		file := filepath.Join(root, "etc/pve", name)
		if err == nil {
			err = os.MkdirAll(filepath.Dir(file), 0o755)
		}
		if err == nil {
			err = os.WriteFile(file, []byte(text), 0o644)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH")), root
}

// What a person sees who presses Tab.
func TestCompletion(t *testing.T) {
	t.Parallel()
	env, root := onPath(t)
	tests := map[string]struct{ typed, want string }{
		"guests":       {"get 1", "101\tCT on pve1|102\tCT on pve2"},
		"machines":     {"whohas 2", "200\tVM on pve2"},
		"hook":         {"1", "101\tCT on pve1|102\tCT on pve2"},
		"phases":       {"101 pre", "pre-start"},
		"pools":        {"pool remove ", "lan\t10.0.0.0/24"},
		"reservations": {"unreserve ", "10.0.0.50\tthe printer"},
		"flag":         {"move 10.0.0.200 --to 101", "101\tCT on pve1"},
		"choice":       {"pool set lan --on-conflict ", "move|fail"},
		"properties":   {"pool set lan --delete gate", "gateway|gateway6"},
		"no second":    {"get 101 ", ""},
		"not yet":      {"acquire ", ""},
		"commands":     {"unres", "unreserve\tEnd the reservation of an address"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command("sh", "-c", `exec "$0" __complete --root "$@"`, program, root)
			cmd.Args = append(cmd.Args, strings.Split(tt.typed, " ")...)
			cmd.Env = env
			out, err := cmd.Output()
			if err != nil {
				t.Fatal(err)
			}
			lines := strings.Split(strings.TrimSpace(string(out)), "\n")
			if diff := cmp.Diff(tt.want, strings.Join(lines[:len(lines)-1], "|")); diff != "" {
				t.Errorf("words (-want +got):\n%s", diff)
			}
		})
	}
	if left, _ := os.ReadDir(filepath.Join(root, "etc/pve/priv")); len(left) > 0 {
		t.Errorf("completing made %v", left)
	}
}

// The scripts work in the shells that they are for.
func TestCompletionScripts(t *testing.T) {
	t.Parallel()
	env, root := onPath(t)
	const library = "/usr/share/bash-completion/bash_completion"
	tests := map[string]struct{ script, want string }{
		"bash": {`source ` + library + `; source <(pve-iplease completion bash)
COMP_WORDS=(pve-iplease --root "$1" pool re) COMP_CWORD=4 COMP_LINE="pve-iplease --root $1 pool re" COMP_POINT=${#COMP_LINE}
__start_pve-iplease; printf '%s\n' "${COMPREPLY[@]}"`, "remove"},
		"zsh":  {`autoload -U compinit; compinit -D -u; source <(pve-iplease completion zsh); print $_comps[pve-iplease]`, "_pve-iplease"},
		"fish": {`pve-iplease completion fish | source; complete -C "pve-iplease --root $argv[1] pool re"`, "remove\tRemove a pool from the pools file"},
	}
	for shell, tt := range tests {
		t.Run(shell, func(t *testing.T) {
			t.Parallel()
			path := lab.RequireProgram(t, shell)
			if _, err := os.Stat(library); err != nil && shell == "bash" {
				lab.Missing(t, "bash-completion", err.Error())
			}
			cmd := exec.Command(path, "-c", tt.script, "sh", root)
			if shell == "fish" {
				cmd.Args = []string{path, "--no-config", "-c", tt.script, root}
			}
			cmd.Env = append(env, "HOME="+t.TempDir(), "TERM=dumb")
			var said strings.Builder // bash: compopt, outside of a key press
			cmd.Stderr = &said
			out, err := cmd.Output()
			if err != nil || strings.TrimSpace(string(out)) != tt.want {
				t.Errorf("%v: %q, want %q\n%s", err, out, tt.want, said.String())
			}
		})
	}
}
