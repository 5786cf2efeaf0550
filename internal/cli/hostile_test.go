package cli_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"unicode"
	"unicode/utf8"
)

// What DHCP clients call themselves, and what a DHCP server left half done,
// reaches nobody's terminal: the screens hold nothing that does not show as
// itself, and none of the files keeps a command waiting.
func TestHostileLeaseFiles(t *testing.T) {
	t.Parallel()
	root := small(t)
	dir := filepath.Join(root, "var/lib/misc")
	leases := "0 00:11:22:33:44:66 10.0.0.203 \xff\xfe\x1b]0;owned\x07\x1b[2J *\n" +
		"0 00:11:22:33:44:67 10.0.0.204 \u202eevil<script>alert(1)</script> *\n" +
		"0 00:11:22:33:44:68 10.0.0.205 " + strings.Repeat("a", 5000) + " *\n" +
		"0 00:11:22:33:44:69 10.0.0.2"
	if err := errors.Join(
		os.MkdirAll(filepath.Join(dir, "dnsmasq.dir.leases"), 0o755),
		os.WriteFile(filepath.Join(dir, "dnsmasq.leases"), []byte(leases), 0o644),
		syscall.Mkfifo(filepath.Join(dir, "dnsmasq.pipe.leases"), 0o644),
		os.Symlink("nowhere", filepath.Join(dir, "dnsmasq.lost.leases")),
	); err != nil {
		t.Fatal(err)
	}
	for _, args := range []string{"whohas 10.0.0.203", "whohas 10.0.0.204", "whohas 10.0.0.205", "whohas 00:11:22:33:44:66", "whohas x\x1b[31m\xff", "audit --passive"} {
		for _, format := range []string{"text", "json"} {
			cmd := call(t, append(append([]string{"--root", root}, strings.Fields(args)...), "--output-format", format)...)
			said, err := cmd.CombinedOutput()
			text := string(said)
			if len(text) < 20 {
				t.Errorf("%q: %v, and it says %q", args, err, text)
			}
			odd := func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }
			if i := strings.IndexFunc(text, odd); i >= 0 || !utf8.ValidString(text) || strings.Contains(text, "panic") {
				t.Errorf("%q in %s shows %q", args, format, text[max(0, i-40):min(len(text), max(0, i)+40)])
			}
			if format == "json" && strings.Contains(text, "<script>") {
				t.Errorf("%q shows a script in JSON", args)
			}
			if strings.HasPrefix(args, "whohas 10") && !strings.Contains(text, "dnsmasq.pipe.leases: it is no ordinary file") {
				t.Errorf("%q doesn't name the pipe:\n%s", args, text)
			}
		}
	}
}
