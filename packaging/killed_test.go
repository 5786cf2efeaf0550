//go:build deb

package packaging_test

import (
	"bufio"
	"os"
	"strings"
)

// killed installs a package and kills dpkg when it reports its n-th step, for
// every n. After each, a container must start; 'dpkg --configure -a' must
// finish what was unpacked, and a second installation what was not; and an
// edited node.cfg must be as it was.
func (s *system) killed(_ bool, args []string) {
	conf := s.root + "/etc/pve-iplease/node.cfg"
	edited := s.ReadFile(conf)
	for n := 1; ; n++ {
		steps := s.killAt(n, args[0])
		s.start(false, []string{"101"})
		if unpacked := s.status(); unpacked {
			s.run(false, s.command("dpkg", "--configure", "-a"))
		}
		s.run(false, s.command("dpkg", "--force-confold", "--install", args[0]))
		if out, err := s.command("dpkg", "--audit").CombinedOutput(); err != nil || len(out) > 0 {
			s.Fatalf("killed at step %d: dpkg --audit: %v\n%s", n, err, out)
		}
		if s.ReadFile(conf) != edited {
			s.Fatalf("killed at step %d: node.cfg is another", n)
		}
		s.start(false, []string{"101"})
		if steps < n {
			if n < 5 {
				s.Fatalf("dpkg reports only %d steps", steps)
			}
			s.Logf("killed at each of %d steps", steps)
			return
		}
		s.run(false, s.command("dpkg", "--force-downgrade", "--force-confold", "--install", "/old.deb"))
	}
}

// status reports whether dpkg has unpacked all files of the package.
func (s *system) status() (unpacked bool) {
	out, err := s.command("dpkg-query", "-W", "-f", "${Status}", "pve-iplease").Output()
	s.Check(err)
	return !strings.Contains(string(out), "reinstreq")
}

// killAt returns how many steps dpkg had reported.
func (s *system) killAt(n int, deb string) (steps int) {
	r, w, err := os.Pipe()
	s.Check(err)
	defer func() { _ = r.Close() }()
	cmd := s.command("dpkg", "--status-fd", "3", "--force-confold", "--install", deb)
	cmd.ExtraFiles = []*os.File{w}
	done := make(chan error, 1)
	s.Check(s.node.Start(cmd))
	s.Check(w.Close())
	go func() { done <- cmd.Wait() }()
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		if !strings.Contains(lines.Text(), "pve-iplease") {
			continue
		}
		if steps++; steps == n {
			_ = cmd.Process.Kill()
		}
	}
	<-done
	return steps
}
