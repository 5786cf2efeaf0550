// Package web is what is in pve-iplease-api: it asks pveproxy over HTTPS, through
// go-proxmox, what pve-iplease sends it.
//
// go-proxmox v0.9.0 carries the requests and tells every answer that is no
// success, with its status and Proxmox's reason. What it leaves open is closed
// here: it has no timeout, and its types fail on configs that Proxmox itself
// accepts and keep one address per family of an interface. So the answers go on
// as they are, to types of our own.
package web
