package guest

import (
	"encoding/hex"
	"regexp"
	"strings"
)

// oracle is a second reading of the file format, for comparison only: slow,
// literal, made of regular expressions, and sharing nothing with the parser
// that it checks. Values are strings; a section is a map of them.
type oracle struct {
	main      map[string]string
	pending   map[string]string
	snapshots map[string]map[string]string
	raw       [][2]string // lxc keys of the running part
}

const sp = `[ \t\n\v\f\r]`

var (
	reBlank    = regexp.MustCompile(`^` + sp + `*$`)
	rePending  = regexp.MustCompile(`^\[[Pp][Vv][Ee]:[Pp][Ee][Nn][Dd][Ii][Nn][Gg]\]` + sp + `*$`)
	reSnapshot = regexp.MustCompile(`^\[([a-zA-Z][a-zA-Z0-9_\-]+)\]` + sp + `*$`)
	reComment  = regexp.MustCompile(`(?s)^#(.*)$`)
	reRaw      = regexp.MustCompile(`(?s)^(lxc\.[a-z0-9_\-.]+)(?::|` + sp + `*=)` + sp + `*(.*?)` + sp + `*$`)
	reDescr    = regexp.MustCompile(`(?s)^description:` + sp + `*(.*[^ \t\n\v\f\r])` + sp + `*$`)
	reState    = regexp.MustCompile(`(?s)snapstate:` + sp + `*(prepare|delete)` + sp + `*$`)
	reDelete   = regexp.MustCompile(`(?s)^delete:` + sp + `*(.*[^ \t\n\v\f\r])` + sp + `*$`)
	reSetting  = regexp.MustCompile(`(?s)^([a-z][a-z_]*\d*):` + sp + `*(.+?)` + sp + `*$`)
	reEscape   = regexp.MustCompile(`%[0-9A-Fa-f]{2}`)
	reRawKey   = regexp.MustCompile(`^lxc\.(net|network|cgroup2?|prlimit|mount|apparmor|cap|environment)\b`)
)

func readOracle(text string) oracle {
	o := oracle{main: map[string]string{}, pending: map[string]string{}, snapshots: map[string]map[string]string{}}
	conf, description, inPending := o.main, "", false
	flush := func() {
		if description != "" {
			conf["description"] = description
		}
		description = ""
	}
	for line := range strings.SplitSeq(text, "\n") {
		if reBlank.MatchString(line) {
			continue
		}
		if rePending.MatchString(line) {
			flush()
			o.pending = map[string]string{}
			conf, inPending = o.pending, true
			continue
		}
		if m := reSnapshot.FindStringSubmatch(line); m != nil {
			flush()
			conf, inPending = map[string]string{}, false
			o.snapshots[m[1]] = conf
			continue
		}
		if m := reComment.FindStringSubmatch(line); m != nil {
			description += unescape(m[1]) + "\n"
		} else if m := reRaw.FindStringSubmatch(line); m != nil {
			o.addRaw(conf, m[1], m[2])
		} else if m := reDescr.FindStringSubmatch(line); m != nil {
			description += unescape(m[1])
		} else if m := reState.FindStringSubmatch(line); m != nil {
			conf["snapstate"] = m[1]
		} else if m := reDelete.FindStringSubmatch(line); m != nil {
			if inPending {
				conf["delete"] = m[1]
			}
		} else if m := reSetting.FindStringSubmatch(line); m != nil {
			conf[m[1]] = m[2]
		}
	}
	flush()
	delete(o.main, "snapstate")
	return o
}

func (o *oracle) addRaw(conf map[string]string, key, value string) {
	switch {
	case key == "lxc.environment.runtime":
		if env, ok := conf["env"]; ok {
			value = env + "\x00" + value
		}
		conf["env"] = value
	case reRawKey.MatchString(key):
		o.raw = append(o.raw, [2]string{key, value})
	}
}

func unescape(s string) string {
	s = reEscape.ReplaceAllStringFunc(s, func(e string) string {
		b, _ := hex.DecodeString(e[1:])
		return string(b)
	})
	return strings.ToValidUTF8(s, "\ufffd")
}

const (
	octet4 = `(25[0-5]|(2[0-4]|1[0-9]|[1-9])?[0-9])`
	addr4  = `(` + octet4 + `\.){3}` + octet4
	bits4  = `0*([89]|[12][0-9]|3[0-2])`
	// Rough, and enough for the samples: hexadecimal groups with colons.
	addr6 = `[0-9a-fA-F:]*:[0-9a-fA-F:]*`
)

// netSchema is what each property of a container's netN has to look like.
var netSchema = map[string]*regexp.Regexp{
	"name":         regexp.MustCompile(`^[-_.a-zA-Z0-9]+$`),
	"bridge":       regexp.MustCompile(`^[-_.a-zA-Z0-9]+$`),
	"hwaddr":       regexp.MustCompile(`^[a-fA-F0-9][02468aceACE](:[a-fA-F0-9]{2}){5}$`),
	"ip":           regexp.MustCompile(`^(dhcp|manual|` + addr4 + `/` + bits4 + `)$`),
	"gw":           regexp.MustCompile(`^` + addr4 + `$`),
	"ip6":          regexp.MustCompile(`^(dhcp|manual|auto|` + addr6 + `/\d+)$`),
	"gw6":          regexp.MustCompile(`^` + addr6 + `$`),
	"mtu":          regexp.MustCompile(`^[+]?\d+$`),
	"tag":          regexp.MustCompile(`^[+]?\d+$`),
	"rate":         regexp.MustCompile(`^[+-]?(\d+\.\d+|\d+\.|\.\d+|\d+)([eE][+-]?\d+)?$`),
	"trunks":       regexp.MustCompile(`^\d+(;\d+)*$`),
	"type":         regexp.MustCompile(`^veth$`),
	"firewall":     regexp.MustCompile(`(?i)^(1|on|yes|true|0|off|no|false)$`),
	"link_down":    regexp.MustCompile(`(?i)^(1|on|yes|true|0|off|no|false)$`),
	"host-managed": regexp.MustCompile(`(?i)^(1|on|yes|true|0|off|no|false)$`),
}

// readNet takes a netN apart; false where the schema says no.
func readNet(value string) (map[string]string, bool) {
	props := map[string]string{}
	for part := range strings.SplitSeq(value, ",") {
		if reBlank.MatchString(part) {
			continue
		}
		key, v, ok := strings.Cut(part, "=")
		shape := netSchema[key]
		if _, twice := props[key]; !ok || twice || shape == nil || !shape.MatchString(v) {
			return nil, false
		}
		props[key] = v
	}
	return props, props["name"] != ""
}
