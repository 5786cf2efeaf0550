// Package web is what is in pve-iplease-api: it asks pveproxy over HTTPS, through
// go-proxmox, what pve-iplease sends it.
//
// go-proxmox v0.8.0 carries the requests; what it leaves open is closed here.
// It has no timeout, it takes the answers 404, 595, 596 and 599 for success
// when nobody asked for their content, it drops Proxmox's reason phrase, and
// its types fail on configs that Proxmox itself accepts and keep one address
// per family of an interface. So every status from 400 on is an Error before
// the library sees it, and the answers go on as they are, to types of our own.
package web
