// Package pveapi speaks with Proxmox's API, as its daemon pveproxy serves it on
// every node for the whole cluster. It is for commands: the hook needs none of
// it.
//
// What speaks HTTPS is a program of its own, pve-iplease-api, as git leaves it
// to git-remote-https: TLS and what belongs to it are three megabytes, and 3 ms
// of every container's start, which never asks the API. This package starts it
// once and sends it requests through its standard input; package web is what
// is in it. Where it is missing, Proxmox's own command pvesh does for root what
// it would have done, slower.
package pveapi
