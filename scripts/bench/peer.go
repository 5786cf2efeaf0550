package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// peer is a program that pve-iplease is compared with.
type peer struct {
	name    string
	pkg     string   // Debian's package
	version []string // arguments with which it says its version
	sign    string   // what it says then, to be told from others of that name
}

// peers are all, whichever suite uses them.
func peers() []peer {
	return []peer{
		{"dnsmasq", "dnsmasq-base", []string{"--version"}, "Dnsmasq"},
		{"udhcpc", "udhcpc", []string{"--help"}, "BusyBox"},
		{"dhclient", "isc-dhcp-client", []string{"--version"}, "isc-dhclient"},
		{"ping", "iputils-ping", []string{"-V"}, "iputils"},
		{"arping", "iputils-arping", []string{"-V"}, "iputils"},
		{"fping", "fping", []string{"-v"}, "fping"},
		{"nmap", "nmap", []string{"--version"}, "Nmap"},
		{"arp-scan", "arp-scan", []string{"--version"}, "arp-scan"},
		{"perl", "perl-base", []string{"-e", `print "perl $^V\n"`}, "perl"},
	}
}

// lookUp finds a peer; missing says what to do when it is not there.
func lookUp(name string) (path, missing string) {
	i := slices.IndexFunc(peers(), func(p peer) bool { return p.name == name })
	p := peers()[i]
	path, err := exec.LookPath(name)
	if err != nil {
		path, err = exec.LookPath("/usr/sbin/" + name) // not in everybody's PATH
	}
	if err != nil {
		return "", fmt.Sprintf("missing: apt install %s", p.pkg)
	}
	if p.says(path) == "" {
		return "", fmt.Sprintf("another %s: apt install %s", name, p.pkg)
	}
	return path, ""
}

// says is the line in which a peer names its version; empty if it is another
// program.
func (p peer) says(path string) string {
	cmd := exec.Command(path, p.version...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	_ = cmd.Run() // some fail after they have said it
	for line := range strings.Lines(out.String()) {
		if strings.Contains(line, p.sign) {
			return strings.Join(strings.Fields(line), " ")
		}
	}
	return ""
}

// install installs the missing peers, and says so.
func install(out io.Writer) error {
	var names, packages []string
	for _, p := range peers() {
		if _, missing := lookUp(p.name); missing != "" {
			names, packages = append(names, p.name), append(packages, p.pkg)
		}
	}
	if len(names) == 0 {
		return nil
	}
	apt, err := exec.LookPath("apt-get")
	if err != nil || os.Geteuid() != 0 {
		fmt.Fprintf(out, "not compared with %s, which are missing; as root, 'apt install %s' brings them\n",
			strings.Join(names, ", "), strings.Join(packages, " "))
		return nil
	}
	fmt.Fprintf(out, "installing what is compared with: %s\n", strings.Join(packages, " "))
	cmd := exec.Command(apt, append([]string{"-qq", "-y", "--no-install-recommends", "install"}, packages...)...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w; try 'apt-get update' first\n%s", strings.Join(cmd.Args, " "), err, said.String())
	}
	return nil
}
