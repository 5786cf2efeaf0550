// Package firewall reads what the files of Proxmox's firewall say about the
// filter that pins a guest to its addresses, and knows its traps. It is pure.
package firewall
