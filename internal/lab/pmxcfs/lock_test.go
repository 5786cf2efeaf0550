package pmxcfs

import (
	"io/fs"
	"os"
	"syscall"
	"testing"
	"time"
)

func TestLockDirectories(t *testing.T) {
	t.Parallel()
	c, dir := mounted(t, "pve1", "pve2", "pve3")
	const name = "/priv/lock/test"
	ask := func(node int) error { return os.Chtimes(dir[node]+name, time.Unix(0, 0), time.Unix(0, 0)) }
	renew := func(node int) error { return os.Chtimes(dir[node]+name, time.Now(), time.Now()) }
	check(t, "mkdir", os.Mkdir(dir[1]+name, 0o700), nil)
	check(t, "mkdir on another node", os.Mkdir(dir[0]+name, 0o700), syscall.EEXIST)
	check(t, "rename", os.Rename(dir[1]+name, dir[1]+name+"2"), syscall.EACCES)
	check(t, "a request", ask(0), syscall.EACCES)
	check(t, "renewing it on another node", renew(0), syscall.EACCES)
	c.Advance(100 * time.Second)
	check(t, "a request after 100 s", ask(0), syscall.EACCES)
	c.Advance(-100 * time.Second)
	check(t, "renewing it", renew(1), nil)
	c.Advance(119 * time.Second)
	check(t, "a request 119 s later", ask(2), syscall.EACCES)
	check(t, "it is there", os.Mkdir(dir[2]+name, 0o700), syscall.EEXIST)
	c.Advance(2 * time.Second)
	_ = ask(2) // the answer comes before the removal
	check(t, "mkdir after it expired", os.Mkdir(dir[2]+name, 0o700), nil)
	check(t, "rmdir on another node", os.Remove(dir[0]+name), nil)
	check(t, "a request for none", ask(0), fs.ErrNotExist)
	check(t, "missing priv/lock", os.Remove(dir[0]+"/priv/lock"), nil)
	check(t, "mkdir without it", os.Mkdir(dir[0]+name, 0o700), fs.ErrNotExist)
}

func TestLockOnAHostOfItsOwn(t *testing.T) {
	t.Parallel()
	c, dir := mounted(t, "pve1")
	const name = "/priv/lock/test"
	check(t, "mkdir", os.Mkdir(dir[0]+name, 0o700), nil)
	check(t, "a request", os.Chtimes(dir[0]+name, time.Unix(0, 0), time.Unix(0, 0)), syscall.EACCES)
	c.Advance(121 * time.Second)
	check(t, "a request when it is old", os.Chtimes(dir[0]+name, time.Unix(0, 0), time.Unix(0, 0)), fs.ErrNotExist)
	check(t, "mkdir", os.Mkdir(dir[0]+name, 0o700), nil)
}
