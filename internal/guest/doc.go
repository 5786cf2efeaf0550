// Package guest reads and edits one guest's config file: bytes to network
// interfaces to bytes.
//
// It reads as tolerantly as Proxmox reads, since a file is what it is, and it
// takes an interface's line as strictly as Proxmox's schema does, since a
// line that the schema refuses keeps a container from starting. An edit
// changes the ip= and gw= of one interface and leaves every other byte alone.
//
// The rules are those of PVE::LXC::Config (parse_pct_config, $netconf_desc),
// PVE::QemuServer (parse_vm_config), PVE::QemuServer::Network ($net_fmt,
// $ipconfig_fmt) and PVE::JSONSchema (parse_property_string).
package guest
