package probe

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"unsafe"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"pve-iplease/internal/pve"
)

// temporaryName is how our ports are called: like nothing of Proxmox's, and
// numbered by the kernel, since several starts can have one at a time.
const temporaryName = "iplease"

// temporary tells a port of ours by its name.
func temporary(name string) bool {
	number, ok := strings.CutPrefix(name, temporaryName)
	return ok && number != "" && digits(number)
}

func digits(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < '0' || r > '9' })
}

// tapQueue is how many frames a temporary port keeps for us.
const tapQueue = 4096

// openTemporary asks through a port of our own, which sees exactly what the
// guest's will; tag is the VLAN of the frames that pass there, 0 for untagged
// ones. It is a tap device: it exists as long as its descriptor is
// open, and so vanishes also when this process is killed.
func (p Place) openTemporary(b *kernelBridge, tag uint16, declared []string) (*Port, error) {
	file, err := b.plug()
	if err != nil {
		return nil, fmt.Errorf("a temporary port on %s: %w", pve.Segment{Bridge: b.name, Tag: cmp.Or(b.vlan, tag)}, err)
	}
	// Beside the caller: the kernel takes some 20 ms to remove a device.
	port := b.port(newTapWire(file, tag), p.standIn(b.self.mac), declared, func() { go file.Close() })
	port.guest = p.MAC
	return port, nil
}

// plug makes a tap device and plugs it into the bridge, in its VLAN alone. It
// is turned on last: until then no frame of another VLAN can come in. With the
// bridge's MTU and a MAC higher than any other the bridge keeps its own.
func (b *kernelBridge) plug() (file *os.File, err error) {
	file, name, err := makeTap()
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, file.Close())
		}
	}()
	device, err := b.link(0, nl.NewRtAttr(unix.IFLA_IFNAME, nl.ZeroTerminated(name)))
	if err != nil {
		return nil, err
	}
	if err := b.silence(device.index); err != nil {
		return nil, err
	}
	mac := tapMAC()
	err = b.set(device.index, 0, nl.NewRtAttr(unix.IFLA_ADDRESS, mac[:]), nl.NewRtAttr(unix.IFLA_MTU, nl.Uint32Attr(b.self.mtu)),
		nl.NewRtAttr(unix.IFLA_TXQLEN, nl.Uint32Attr(tapQueue)), nl.NewRtAttr(unix.IFLA_MASTER, nl.Uint32Attr(uint32(b.index))))
	if err != nil {
		return nil, err
	}
	if err := b.joinVLAN(device.index); err != nil {
		return nil, err
	}
	return file, b.set(device.index, unix.IFF_UP)
}

// joinVLAN moves a port from the VLAN that the bridge puts new ports into to
// the one that is asked.
func (b *kernelBridge) joinVLAN(port int) error {
	if !b.self.aware || b.vlan == b.self.pvid {
		return nil
	}
	if b.self.pvid != 0 {
		if err := b.setVLAN(unix.RTM_DELLINK, port, b.self.pvid, 0); err != nil {
			return err
		}
	}
	return b.setVLAN(unix.RTM_SETLINK, port, b.vlan, nl.BRIDGE_VLAN_INFO_PVID|nl.BRIDGE_VLAN_INFO_UNTAGGED)
}

// setVLAN changes a port's membership of a VLAN.
func (b *kernelBridge) setVLAN(kind, port int, vlan, flags uint16) error {
	msg := nl.NewIfInfomsg(unix.AF_BRIDGE)
	msg.Index = int32(port)
	info := binary.NativeEndian.AppendUint16(nil, flags)
	spec := nl.NewRtAttr(unix.IFLA_AF_SPEC, nil)
	spec.AddRtAttr(nl.IFLA_BRIDGE_VLAN_INFO, binary.NativeEndian.AppendUint16(info, vlan))
	_, err := b.ask(kind, unix.NLM_F_ACK, msg, spec)
	return err
}

// set changes attributes of a device, and turns on the flags given.
func (b *kernelBridge) set(index int, flags uint32, attrs ...*nl.RtAttr) error {
	msg := nl.NewIfInfomsg(unix.AF_UNSPEC)
	msg.Index, msg.Flags, msg.Change = int32(index), flags, flags
	_, err := b.ask(unix.RTM_SETLINK, unix.NLM_F_ACK, msg, attrs...)
	return err
}

// silence leaves a device that is still down without an IPv6 address, of which
// the kernel would speak once it is up. A service for which /proc/sys is
// read-only can do that too (systemd.exec(5), ProtectKernelTunables).
func (b *kernelBridge) silence(index int) error {
	six := nl.NewRtAttr(unix.AF_INET6, nil)
	six.AddRtAttr(unix.IFLA_INET6_ADDR_GEN_MODE, []byte{nl.IN6_ADDR_GEN_MODE_NONE})
	spec := nl.NewRtAttr(unix.IFLA_AF_SPEC, nil)
	spec.AddChild(six)
	err := b.set(index, 0, spec)
	if errors.Is(err, unix.EAFNOSUPPORT) {
		return nil // a kernel without IPv6
	}
	return err
}

// makeTap makes a tap device that passes us nothing until it is told what to.
func makeTap() (*os.File, string, error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, "", &os.PathError{Op: "open", Path: "/dev/net/tun", Err: err}
	}
	ifr, err := unix.NewIfreq(temporaryName + "%d")
	if err == nil {
		ifr.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI)
		err = os.NewSyscallError("TUNSETIFF", unix.IoctlIfreq(fd, unix.TUNSETIFF, ifr))
	}
	if err == nil {
		err = os.NewSyscallError("TUNATTACHFILTER", attachFilter(fd, deaf()))
	}
	if err != nil {
		return nil, "", errors.Join(err, unix.Close(fd))
	}
	return os.NewFile(uintptr(fd), "/dev/net/tun"), ifr.Name(), nil
}

// attachFilter gives a tap device a filter that a packet socket could have.
func attachFilter(fd int, raw []bpf.RawInstruction) error {
	program := make([]unix.SockFilter, len(raw))
	for i, r := range raw {
		program[i] = unix.SockFilter{Code: r.Op, Jt: r.Jt, Jf: r.Jf, K: r.K}
	}
	prog := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.TUNATTACHFILTER, uintptr(unsafe.Pointer(&prog))); errno != 0 {
		return errno
	}
	return nil
}

// tapMAC is higher than what anybody else plugs in: a bridge without a fixed
// address takes the lowest of its ports' (net/bridge/br_stp_if.c,
// br_stp_recalculate_bridge_id).
func tapMAC() pve.MAC {
	r := rand.Uint32()
	return pve.MAC{0xfe, 0xff, 0xff, byte(r >> 16), byte(r >> 8), byte(r)}
}
