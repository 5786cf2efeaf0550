// Package history answers who had which address when. It is this node's own
// memory, a line of JSON an event in /var/lib/pve-iplease/history.jsonl; the
// truth about the present is in the ledger.
package history

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"pve-iplease/internal/pve"
)

// Event is one change of an address's owner or state.
type Event struct {
	Time  time.Time `json:"time"`
	Node  string    `json:"node"`
	Addr  string    `json:"address"`
	Owner string    `json:"owner,omitempty"` // ct/101/net0
	VMID  pve.VMID  `json:"vmid,omitempty"`
	MAC   string    `json:"mac,omitempty"`
	What  string    `json:"event"` // leased, renewed, released, moved, stranger, …
	Why   string    `json:"reason,omitempty"`
}

// File is where events are kept.
type File string

// limit is the size in bytes at which the file is put aside as FILE.1 and
// begun anew: some 20,000 events, of which twice as many are kept at most.
const limit = 4 << 20

// Append adds an event, in one write so that lines of several processes never
// mix. History is a help: the caller may ignore the error.
func (f File) Append(e Event) error {
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(string(f)), 0o755); err != nil {
		return err
	}
	if info, err := os.Stat(string(f)); err == nil && info.Size() > limit {
		_ = os.Rename(string(f), string(f)+".1")
	}
	out, err := os.OpenFile(string(f), os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	_, err = out.Write(append(line, '\n'))
	return errors.Join(err, out.Close())
}

// Read returns the events that pick wants, oldest first. Lines that are no
// events, such as one that a full disk cut off, are counted and passed over.
func (f File) Read(pick func(Event) bool) (events []Event, bad int, err error) {
	for _, path := range []string{string(f) + ".1", string(f)} {
		in, err := os.Open(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, bad, fmt.Errorf("history: %w", err)
		}
		events, bad, err = scan(in, events, bad, pick)
		if err := errors.Join(err, in.Close()); err != nil {
			return nil, bad, fmt.Errorf("history: %w", err)
		}
	}
	return events, bad, nil
}

func scan(in *os.File, events []Event, bad int, pick func(Event) bool) ([]Event, int, error) {
	s := bufio.NewScanner(in)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		var e Event
		if err := json.Unmarshal(s.Bytes(), &e); err != nil || e.Addr == "" {
			bad++
			continue
		}
		if pick(e) {
			events = append(events, e)
		}
	}
	return events, bad, s.Err()
}

// recent is how much of the file's end LastMAC looks at, some 1,500 events.
const recent = 256 << 10

// LastMAC is the MAC of the last event of an address that has one, of the
// recent ones; zero if there is none, or the file can't be read.
func (f File) LastMAC(a netip.Addr) pve.MAC {
	in, err := os.Open(string(f))
	if err != nil {
		return pve.MAC{}
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return pve.MAC{}
	}
	data := make([]byte, min(info.Size(), recent))
	n, err := in.ReadAt(data, info.Size()-int64(len(data)))
	if err != nil && !errors.Is(err, io.EOF) {
		return pve.MAC{}
	}
	data = data[:n]
	mark := []byte(`"address":"` + a.String() + `"`)
	for at := bytes.LastIndex(data, mark); at >= 0; at = bytes.LastIndex(data[:at], mark) {
		from := bytes.LastIndexByte(data[:at], '\n') + 1
		line, _, _ := bytes.Cut(data[from:], []byte("\n"))
		var e Event
		if json.Unmarshal(line, &e) != nil || e.MAC == "" {
			continue
		}
		if m, err := pve.ParseMAC(e.MAC); err == nil {
			return m
		}
	}
	return pve.MAC{}
}
