package ledger

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// newPrefix begins the names of directories on their way to become f.dir.
func (f *file) newPrefix() string { return "." + filepath.Base(f.dir) + ".new-" }

// create makes the directory with a fresh ledger in it appear at once, so
// that one without a ledger is never seen. If another process did so first,
// that is as good.
func (f *file) create() error {
	if f.usage.known() { // what was in it is lost, and isn't made up
		return os.MkdirAll(f.dir, 0o700)
	}
	data, err := f.fresh()
	if err != nil {
		return err
	}
	parent := filepath.Dir(f.dir)
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return err
	}
	tmp, err := os.MkdirTemp(parent, f.newPrefix())
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp) // gone already when all went well
	err = writeSynced(filepath.Join(tmp, "ledger"), data)
	if err == nil {
		err = os.Rename(tmp, f.dir)
	}
	if info, serr := os.Stat(f.dir); serr == nil && info.IsDir() {
		return nil
	}
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return nil // another process tidied up between; look again
	}
	return err
}

// writeSynced creates a file of mode 0600 whose content is on the disk.
func writeSynced(path string, data []byte) (err error) {
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	if _, err := out.Write(data); err != nil {
		return err
	}
	return out.Sync()
}
