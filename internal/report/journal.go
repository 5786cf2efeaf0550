package report

import (
	"bytes"
	"encoding/binary"
	"errors"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	identifier = "pve-iplease"
	// maxMessage is the most runes of a message that the journal gets at first.
	maxMessage = 16 << 10
	// minMessage is where shortening a message further is pointless.
	minMessage = 64
)

// journal is the path of systemd-journald's datagram socket. Records travel in
// its native protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL). Every failure is
// dropped: on a host without systemd, or with a journal that does not keep up,
// containers start all the same.
type journal string

func (j journal) send(r Record) {
	if j == "" {
		return
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return
	}
	defer func() { _ = unix.Close(fd) }()
	path, done := short(string(j))
	defer done()
	to := &unix.SockaddrUnix{Name: path}
	deliver(r, func(datagram []byte) error {
		return unix.Sendto(fd, datagram, unix.MSG_NOSIGNAL|unix.MSG_DONTWAIT, to)
	})
}

// deliver sends a record, with less and less of its message while the record
// is more than the socket takes (EMSGSIZE).
func deliver(r Record, send func([]byte) error) {
	for most := maxMessage; most >= minMessage; most /= 4 {
		if err := send(encode(r, most)); !errors.Is(err, unix.EMSGSIZE) {
			return
		}
	}
}

// short makes a path fit into a socket address, which holds 107 bytes: a
// longer one goes through a descriptor of its directory.
func short(path string) (fitting string, done func()) {
	const most = len(unix.RawSockaddrUnix{}.Path) - 1
	if len(path) <= most {
		return path, func() {}
	}
	fd, err := unix.Open(filepath.Dir(path), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return path, func() {}
	}
	return filepath.Join("/proc/self/fd", strconv.Itoa(fd), filepath.Base(path)), func() { _ = unix.Close(fd) }
}

// encode writes a record with at most so many runes of its message.
func encode(r Record, most int) []byte {
	var b bytes.Buffer
	field(&b, "MESSAGE", paragraphs(r.Message, most))
	field(&b, "PRIORITY", strconv.Itoa(r.Priority))
	field(&b, "SYSLOG_IDENTIFIER", identifier)
	if r.VMID != 0 {
		field(&b, "IPLEASE_VMID", r.VMID.String())
	}
	field(&b, "IPLEASE_PHASE", Clean(r.Phase))
	field(&b, "IPLEASE_ADDRESS", Clean(r.Address))
	field(&b, "IPLEASE_POOL", Clean(r.Pool))
	field(&b, "IPLEASE_OUTCOME", Clean(r.Outcome))
	field(&b, "IPLEASE_REASON", clean(r.Reason, 4*maxForeign))
	return b.Bytes()
}

// field writes NAME=value, or, when the value has lines, the name, the length
// as 64 bits little endian, and the value.
func field(b *bytes.Buffer, name, value string) {
	if value == "" {
		return
	}
	b.WriteString(name)
	if strings.Contains(value, "\n") {
		b.WriteByte('\n')
		b.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(value))))
	} else {
		b.WriteByte('=')
	}
	b.WriteString(value)
	b.WriteByte('\n')
}

// paragraphs cleans a message line by line.
func paragraphs(message string, most int) string {
	if len(message) > 4*most {
		message = message[:4*most] + "…"
	}
	var lines []string
	for l := range strings.Lines(message) {
		if l = clean(l, most); l != "" {
			lines = append(lines, l)
		}
	}
	text := []rune(strings.Join(lines, "\n"))
	if len(text) > most {
		text = append(text[:most-1], '…')
	}
	return string(text)
}
