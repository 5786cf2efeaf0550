// Package pve has the words of Proxmox VE that everything else speaks: guests and
// their interfaces, the networks that they are plugged into, hardware addresses
// and spans of addresses. It knows no leases.
package pve
