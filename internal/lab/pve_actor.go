package lab

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// errNoAct means that the program at the other end is no actor.
var errNoAct = errors.New("no process to play Proxmox: does this program call lab.Act before anything else?")

// readyPatience is how long an actor may take to come up, on a busy machine.
const readyPatience = 30 * time.Second

// errGone means that an actor has ended, as a stopped task's worker does.
var errGone = errors.New("interrupted by signal")

// process is the driver's side of an actor.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{} // closed when the process has been waited for

	mu      sync.Mutex // one order at a time
	control *os.File
	out     *json.Encoder
	in      *json.Decoder
}

// start runs this program as an actor on a node. The actor leads a process
// group of its own and dies when the driver does, since its orders end.
func (n *Node) start(path string, argv []string, log *os.File) (*process, error) {
	if os.Getenv(actorEnv) != "" {
		return nil, errNoAct
	}
	near, far, err := controlPair()
	if err != nil {
		return nil, err
	}
	p := &process{ended: make(chan struct{}), control: near}
	p.out, p.in = json.NewEncoder(p.control), json.NewDecoder(bufio.NewReader(p.control))
	p.cmd = &exec.Cmd{
		Path: path, Args: argv, Env: []string{actorEnv + "=1"}, Dir: "/",
		Stdout: log, Stderr: log, ExtraFiles: []*os.File{far},
		SysProcAttr: &syscall.SysProcAttr{Setpgid: true, Cloneflags: unix.CLONE_NEWNS},
	}
	err = n.Do(p.cmd.Start)
	_ = far.Close() // now only the actor has it, so its end is seen
	if err != nil {
		return nil, errors.Join(fmt.Errorf("starting %s: %w", argv[0], err), p.control.Close())
	}
	go func() {
		_ = p.cmd.Wait() // how it ended is seen from what it did
		close(p.ended)
	}()
	if err := p.awaitReady(); err != nil {
		return nil, err
	}
	return p, nil
}

// awaitReady makes sure that the other end is an actor.
func (p *process) awaitReady() error {
	var said answer
	err := errors.Join(p.control.SetReadDeadline(time.Now().Add(readyPatience)), p.in.Decode(&said))
	if err != nil {
		p.kill(syscall.SIGKILL, false)
		return fmt.Errorf("%w: %w", errNoAct, errors.Join(err, p.control.Close()))
	}
	return p.control.SetReadDeadline(time.Time{})
}

// controlPair is a socket for orders: the driver's end, which can time out,
// and the actor's.
func controlPair() (near, far *os.File, err error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	far = os.NewFile(uintptr(pair[1]), "actor")
	if err := unix.SetNonblock(pair[0], true); err != nil {
		return nil, nil, errors.Join(os.NewSyscallError("fcntl", err), unix.Close(pair[0]), far.Close())
	}
	return os.NewFile(uintptr(pair[0]), "driver"), far, nil
}

// tell gives an order and waits for the answer.
func (p *process) tell(o order) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var said answer
	if p.out.Encode(o) != nil || p.in.Decode(&said) != nil {
		<-p.ended
		return errGone
	}
	if said.Err != "" {
		return errors.New(said.Err)
	}
	return nil
}

// exit lets the process end by itself and waits for it.
func (p *process) exit() {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = p.out.Encode(order{Do: "exit"}) // it may be gone already
	<-p.ended
	_ = p.control.Close()
}

// kill ends the process group, or with alone the process only, by a signal
// and waits for the process.
func (p *process) kill(sig syscall.Signal, alone bool) {
	to := -p.cmd.Process.Pid
	if alone {
		to = p.cmd.Process.Pid
	}
	_ = unix.Kill(to, sig) // there may be nobody left
	<-p.ended
}
