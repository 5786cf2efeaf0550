// Package config turns the administrator's files into typed pools: pools.cfg
// in the section syntax of Proxmox (PVE::SectionConfig), the same as a list in
// a JSON document, and this node's node.cfg.
//
// The functions are pure: bytes in, values and problems out. Nothing is ever
// refused as a whole because of one wrong section: that section is disabled,
// every problem of every section is reported, and the rest stays in force.
package config
