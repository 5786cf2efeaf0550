package web

import (
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"pve-iplease/internal/lab"
	"pve-iplease/internal/lab/pveproxy"
)

// Proxmox checks tickets with these two Perl libraries; so does this test.
func TestPerlAcceptsTheTicket(t *testing.T) {
	t.Parallel()
	if err := exec.CommandContext(t.Context(), "perl", "-MCrypt::OpenSSL::RSA", "-MDigest::SHA", "-e", "1").Run(); err != nil {
		lab.Missing(t, "libcrypt-openssl-rsa-perl", err.Error())
	}
	root := t.TempDir()
	if err := pveproxy.Keys(root); err != nil {
		t.Fatal(err)
	}
	for _, now := range []time.Time{time.Unix(1800000000, 0), time.Unix(4711, 0)} {
		made, err := makeTicket(func(name string) string { return filepath.Join(root, name) }, now)
		if err != nil {
			t.Fatal(err)
		}
		const check = `
use MIME::Base64;
my ($root, $ticket, $csrf) = @ARGV;
sub slurp { local $/; open(my $f, '<', shift) or die $!; <$f> }
my ($plain, $signature) = $ticket =~ /^(PVE:root\@pam:[0-9A-F]{8})::(\S+)$/ or die "form of $ticket\n";
Crypt::OpenSSL::RSA->new_public_key(slurp("$root/etc/pve/authkey.pub"))->verify($plain, decode_base64($signature)) or die "signature\n";
my $secret = Digest::SHA::hmac_sha256_base64(slurp("$root/etc/pve/pve-www.key"));
my ($stamp, $sum) = $csrf =~ /^([0-9A-F]{8}):(\S+)$/ or die "form of $csrf\n";
Digest::SHA::hmac_sha256_base64("$stamp:root\@pam", $secret) eq $sum or die "sum\n";
`
		perl := exec.CommandContext(t.Context(), "perl", "-MCrypt::OpenSSL::RSA", "-MDigest::SHA", "-e", check, root, made.cookie, made.csrf)
		if out, err := perl.CombinedOutput(); err != nil {
			t.Errorf("%v: %v %s", now, err, out)
		}
	}
}

func TestListens(t *testing.T) {
	t.Parallel()
	for settings, want := range map[string]string{
		"":                                 "127.0.0.1:8006",
		"LISTEN_IP=\"192.0.2.1\"\n":        "192.0.2.1:8006",
		"# x\n LISTEN_IP='2001:db8::1'\n":  "[2001:db8::1]:8006",
		"LISTEN_IP=0.0.0.0":                "127.0.0.1:8006",
		"LISTEN_IP=\"::\"":                 "127.0.0.1:8006",
		"ALLOW_FROM=192.0.2.1\nLISTEN_IP=": "127.0.0.1:8006",
	} {
		if got := listens([]byte(settings)); got != want {
			t.Errorf("%q: %s, want %s", settings, got, want)
		}
	}
}

func FuzzParseToken(f *testing.F) {
	f.Add([]byte("audit@pve!iplease=00112233-4455-6677-8899-aabbccddeeff\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		k, err := parseToken("f", data)
		if err != nil {
			return
		}
		again, err := parseToken("f", []byte(k.id+"="+k.secret))
		if err != nil || again != k {
			t.Errorf("%q: %+v, then %+v, %v", data, k, again, err)
		}
	})
}
