package guest

import "strings"

// CloudInit reports whether a VM has a cloud-init drive, the image that brings
// ipconfigN to it (PVE::QemuServer::Drive, drive_is_cloudinit): a CD-ROM whose
// volume is called cloudinit, or vm-<vmid>-cloudinit.
func (c Config) CloudInit() bool {
	for _, e := range c.in(c.running()) {
		bus := strings.TrimRight(e.key, "0123456789")
		if bus == e.key || bus != "ide" && bus != "scsi" && bus != "sata" {
			continue
		}
		volume, _, _ := strings.Cut(e.value, ",")
		_, name, _ := strings.Cut(strings.TrimPrefix(volume, "file="), ":")
		name = name[strings.LastIndexByte(name, '/')+1:]
		name, _, _ = strings.Cut(name, ".")
		if name == "cloudinit" || strings.HasPrefix(name, "vm-") && strings.HasSuffix(name, "-cloudinit") {
			return true
		}
	}
	return false
}
